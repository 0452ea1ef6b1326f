"""One edge: all policies between a service and the one it calls, in the one place where their order is written.

    httpx.Client
      │  request
      ▼
    Deadline      how long may it take, everything included?      gives up          -> DeadlineExceededError
      ▼
    Retry         is another attempt safe, and is there time?     each attempt goes down on its own
      ▼
    Breaker       is the peer known to be broken?                 rejects           -> BreakerOpenError
      ▼
    Attempt       stamps the time left, notes that it was sent, reads the body to its end
      ▼
    Wire          connections, every operation cut at the deadline

The breaker is inside the retry, so that each attempt counts, and outside of the attempt, so that it sees broken bodies.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from resilience.attempt import Attempt
from resilience.backoff import RetrySettings
from resilience.breaker import Breaker
from resilience.breaker_settings import BreakerSettings
from resilience.circuit import Circuit
from resilience.deadline import Deadline
from resilience.errors import SettingsError, require_range
from resilience.policy import Policy
from resilience.retry import Retry
from resilience.states import StateListener
from resilience.wire import Wire


@dataclass(frozen=True, kw_only=True)
class EdgePolicy:
    """Which policies protect an edge. None switches one off. Raises SettingsError."""

    deadline: float | None = 2.0
    """Seconds for the whole call, all attempts included; 0.001 to 3600. None: no time limit of any kind."""
    retry: RetrySettings | None = field(default_factory=RetrySettings)
    breaker: BreakerSettings | None = field(default_factory=BreakerSettings)

    def __post_init__(self) -> None:
        if self.deadline is not None:
            require_range("deadline", self.deadline, 0.001, 3600)
        elif self.retry is not None and self.retry.attempts is None:
            raise SettingsError(
                "retry.attempts is None without a deadline: it would never end; right is one of the two"
            )


class Edge(Policy):
    """The chain of one edge. `name` is for errors, logs and metrics; `circuit` is None without a breaker."""

    def __init__(self, chain: httpx.BaseTransport, *, name: str, circuit: Circuit | None) -> None:
        super().__init__(chain)
        self.name, self.circuit = name, circuit


def protect(
    base: httpx.BaseTransport | None,
    policy: EdgePolicy,
    *,
    name: str,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    rng: random.Random | None = None,
    listener: StateListener | None = None,
) -> Edge:
    """The policies around `base`, by default a new `Wire`. Only the wire makes the deadline exact inside an attempt."""
    chain: httpx.BaseTransport = Attempt(base if base is not None else Wire())
    circuit = None
    if policy.breaker is not None:
        circuit = Circuit(policy.breaker, name=name, clock=clock, listener=listener)
        chain = Breaker(chain, circuit=circuit, clock=clock)
    if policy.retry is not None:
        chain = Retry(chain, policy.retry, sleep=sleep, rng=rng or random.Random())
    if policy.deadline is not None:
        chain = Deadline(chain, seconds=policy.deadline, name=name, clock=clock)
    return Edge(chain, name=name, circuit=circuit)


class EdgeClient(httpx.Client):
    """A client of one service. Share it between threads; close it when the service ends."""

    def __init__(self, base_url: str, edge: Edge) -> None:
        # No timeout of httpx's own: those count per operation, and would hide what the deadline is for.
        super().__init__(base_url=base_url, transport=edge, trust_env=False, timeout=None)
        self.edge = edge


def client(
    base_url: str,
    policy: EdgePolicy | None = None,
    *,
    name: str,
    base: httpx.BaseTransport | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    rng: random.Random | None = None,
    listener: StateListener | None = None,
) -> EdgeClient:
    """A client of the service at `base_url`, under `policy` (by default all policies with their defaults)."""
    edge = protect(base, policy or EdgePolicy(), name=name, clock=clock, sleep=sleep, rng=rng, listener=listener)
    return EdgeClient(base_url, edge)
