"""Outbound calls that survive a bad network: a total deadline, retries of what is safe to retry, a circuit breaker.

Each policy is an `httpx.BaseTransport` around the next one; `edge.py` holds the order, once. A service makes one client
for each service it calls and keeps it (a client holds the connections and the breaker):

    policy = EdgePolicy(deadline=1.5, retry=RetrySettings(attempts=3), breaker=BreakerSettings(open_for=2.0))
    payments = client("http://127.0.0.1:8080", policy, name="orders->payments", listener=on_change)
    try:
        answer = payments.post("/charges", json=charge, headers={"Idempotency-Key": key})
    except BreakerOpenError as exc:             # rejected here, nothing was sent; exc.retry_after is in seconds
        ...
    except httpx.TransportError as exc:         # every other failure, DeadlineExceededError included
        charged = "unknown" if may_have_been_sent(exc.request) else "no"

What a service reads and sets:

- `EdgePolicy(deadline=, retry=, breaker=)`: any of them None is that policy switched off.
- `client(base_url, policy, name=...)` gives an `EdgeClient`, an `httpx.Client` with `.edge`, an `Edge`: `edge.name` and
  `edge.circuit` (None without a breaker), with `circuit.state` (`State.CLOSED` 0, `OPEN` 1, `HALF_OPEN` 2; `.label` is
  its name in lower case), `circuit.allows()` and `circuit.rejected` for health pages and metrics.
- `listener(old, new)` is told of every change of the breaker's state, in order.
- `may_have_been_sent(request)`: did any attempt of this call perhaps reach the peer? `never_sent(exc)`: the same asked
  of the error. `attempts_made(request)`: how often it was tried (`response.request` or `exc.request`).
- `deadline_scope(inbound_timeout(value))`, in the service that is called, with the value of the request's
  `X-Request-Timeout-Ms` (`REQUEST_TIMEOUT_HEADER`): the calls it makes in turn take the smaller time. `time_left()`
  says how much there is.

All errors are `PolicyError`, a `httpx.TransportError`, see `errors.py`. Wrong settings raise `SettingsError` at once.
State is kept per process: four worker processes have four breakers.
"""

from __future__ import annotations

from resilience import errors, trace
from resilience.attempt import attempts_made, may_have_been_sent, never_sent
from resilience.breaker import Breaker
from resilience.circuit import BreakerSettings, Circuit, State
from resilience.deadline import (
    REQUEST_TIMEOUT_HEADER,
    Deadline,
    deadline_scope,
    inbound_timeout,
    time_left,
)
from resilience.edge import Edge, EdgeClient, EdgePolicy, client, protect
from resilience.errors import BreakerOpenError, DeadlineExceededError, PolicyError, SettingsError
from resilience.retry import Retry, RetrySettings
from resilience.wire import Wire

__all__ = [
    "REQUEST_TIMEOUT_HEADER",
    "Breaker",
    "BreakerOpenError",
    "BreakerSettings",
    "Circuit",
    "Deadline",
    "DeadlineExceededError",
    "Edge",
    "EdgeClient",
    "EdgePolicy",
    "PolicyError",
    "Retry",
    "RetrySettings",
    "SettingsError",
    "State",
    "Wire",
    "attempts_made",
    "client",
    "deadline_scope",
    "errors",
    "inbound_timeout",
    "may_have_been_sent",
    "never_sent",
    "protect",
    "time_left",
    "trace",
]
