"""Outbound calls that survive a bad network: ten policies, each an `httpx.BaseTransport` around the next one.

`README.md` has a paragraph and the settings of each; `edge.py` holds their order, once. A service makes one client for
each service that it calls, and keeps it (a client holds the connections and the breaker):

    policy = EdgePolicy(deadline=1.5, retry=RetrySettings(attempts=3), breaker=BreakerSettings(open_for=2.0))
    payments = client("http://127.0.0.1:8080", policy, name="orders->payments")
    try:
        answer = payments.post("/charges", json=charge, headers={"Idempotency-Key": key})
    except RejectedError as exc:                # rejected here, nothing was sent; exc.retry_after is in seconds
        ...
    except httpx.TransportError as exc:         # every other failure, DeadlineExceededError included
        charged = "unknown" if may_have_been_sent(exc.request) else "no"

What a service reads and sets:

- `EdgePolicy(...)`: any of its policies None is that policy switched off.
- `client(base_url, policy, name=...)` gives an `EdgeClient`, an `httpx.Client` with `.edge`, an `Edge`: its name, its
  breakers' `circuits()`, `allows()` for health pages, and the counters of each policy. `protect` gives the edge alone.
- `listener(old, new)` is told of every change of the breaker's state, in order; `events(Event)` of everything.
- `may_have_been_sent(request)`: did any attempt of this call perhaps reach the peer? `never_sent(exc)`: the same asked
  of the error. `attempts_made(request)`: how often it was tried (`response.request` or `exc.request`).
- `degraded(response)`: "stale" or "fallback" where the answer is not the peer's own of now.
- `deadline_scope(inbound_timeout(value))`, in the service that is called, with the value of the request's
  `X-Request-Timeout-Ms` (`REQUEST_TIMEOUT_HEADER`): the calls it makes in turn take the smaller time. `time_left()`
  says how much there is.
- `Circuit.guard` and `retrying` do for plain functions what the breaker and the retry do for HTTP.

All errors are `PolicyError`, a `httpx.TransportError`, see `errors.py`. Wrong settings raise `SettingsError` at once.
State is kept per process: four worker processes have four breakers.
"""

from __future__ import annotations

from resilience import errors, trace
from resilience.attempt import attempts_made, may_have_been_sent, never_sent
from resilience.backoff import RetrySettings
from resilience.balancer import Balancer, BalancerSettings
from resilience.breaker import Breaker
from resilience.breaker_settings import BreakerSettings
from resilience.budget import Budget, BudgetSettings
from resilience.bulkhead import Bulkhead, BulkheadSettings
from resilience.cache import Cache, CacheSettings
from resilience.circuit import Circuit
from resilience.deadline import (
    REQUEST_TIMEOUT_HEADER,
    Deadline,
    deadline_scope,
    inbound_timeout,
    time_left,
)
from resilience.discovery import Directory, Dns, Provider, StaticList
from resilience.edge import Edge, EdgePolicy, protect
from resilience.edge_client import EdgeClient, client
from resilience.ejection import EjectionSettings
from resilience.errors import (
    BreakerOpenError,
    BulkheadFullError,
    DeadlineExceededError,
    NoInstanceError,
    PolicyError,
    RateLimitedError,
    RejectedError,
    SettingsError,
)
from resilience.events import Event
from resilience.fallback import Fallback, FallbackSettings
from resilience.instance import Instance, instance_of
from resilience.policy import degraded
from resilience.rate_limit import Pace, RateLimit, RateLimitSettings
from resilience.retry import Retry
from resilience.retrying import retrying
from resilience.slots import Slots
from resilience.states import State
from resilience.wire import Wire

__all__ = [
    "REQUEST_TIMEOUT_HEADER",
    "Balancer",
    "BalancerSettings",
    "Breaker",
    "BreakerOpenError",
    "BreakerSettings",
    "Budget",
    "BudgetSettings",
    "Bulkhead",
    "BulkheadFullError",
    "BulkheadSettings",
    "Cache",
    "CacheSettings",
    "Circuit",
    "Deadline",
    "DeadlineExceededError",
    "Directory",
    "Dns",
    "Edge",
    "EdgeClient",
    "EdgePolicy",
    "EjectionSettings",
    "Event",
    "Fallback",
    "FallbackSettings",
    "Instance",
    "NoInstanceError",
    "Pace",
    "PolicyError",
    "Provider",
    "RateLimit",
    "RateLimitSettings",
    "RateLimitedError",
    "RejectedError",
    "Retry",
    "RetrySettings",
    "SettingsError",
    "Slots",
    "State",
    "StaticList",
    "Wire",
    "attempts_made",
    "client",
    "deadline_scope",
    "degraded",
    "errors",
    "inbound_timeout",
    "instance_of",
    "may_have_been_sent",
    "never_sent",
    "protect",
    "retrying",
    "time_left",
    "trace",
]
