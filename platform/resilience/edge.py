"""One edge: all policies between a service and the one it calls, in the one place where their order is written.

    httpx.Client
      │  request
      ▼
    Fallback      has nothing come of it, and will less do?       answers, marked "fallback"
      ▼
    Cache         is there an answer already?                     answers; marked "stale" when the peer is down
      ▼
    Deadline      how long may it take, everything included?      gives up          -> DeadlineExceededError
      ▼
    Retry         is another attempt safe, in time, in budget?    each attempt goes down on its own
      ▼
    Balancer      which instance takes this attempt?              nobody there      -> NoInstanceError
      ▼   ── from here on, a chain for each instance ──
    Breaker       is this instance known to be broken?            rejects           -> BreakerOpenError
      ▼
    RateLimit     is this more than was agreed?                   waits or rejects  -> RateLimitedError
      ▼
    Bulkhead      are enough of our threads in there already?     waits or rejects  -> BulkheadFullError
      ▼
    Attempt       its own shorter limit; stamps the time left, notes that it was sent, reads the body to its end
      ▼
    Wire          connections, every operation cut at the deadline

Why in this order:
- Fallback and cache answer for everything below them, a rejection and a missed deadline included.
- The deadline is around the retry: waits and all attempts are its time.
- The balancer is inside the retry, so that a second attempt goes to another instance (as in gRPC and Finagle).
- The breaker is inside the retry, so that each attempt counts, and below the balancer, so that one broken instance does
  not close the others. It is outside of the limits: what an open breaker rejects takes no turn and no slot, and
  our own queue says nothing about the peer (time spent in it is not counted as slowness).
- Rate and slots are the edge's, shared by the chains of all instances: they bound what this process does, and that
  does not grow with the number of instances. They are inside the retry: nobody holds a slot while waiting to try again.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from resilience.attempt import Attempt
from resilience.backoff import RetrySettings
from resilience.balancer import Balancer, BalancerSettings
from resilience.breaker import Breaker
from resilience.breaker_settings import BreakerSettings
from resilience.budget import Budget, BudgetSettings
from resilience.bulkhead import Bulkhead, BulkheadSettings
from resilience.cache import Cache, CacheSettings
from resilience.circuit import Circuit
from resilience.deadline import Deadline, due_within
from resilience.discovery import Directory, Provider, StaticList
from resilience.errors import SettingsError, require_range
from resilience.events import Listener
from resilience.fallback import Fallback, FallbackSettings
from resilience.instance import Instance, send_to
from resilience.policy import Policy
from resilience.rate_limit import Pace, RateLimit, RateLimitSettings
from resilience.retry import Retry
from resilience.slots import Slots
from resilience.states import State, StateListener
from resilience.wire import Wire

_PATIENCE = 1.0
"""Seconds that a probe has on an edge without a deadline."""


@dataclass(frozen=True, kw_only=True)
class EdgePolicy:
    """Which policies protect an edge, in their order. None switches one off. Raises SettingsError."""

    fallback: FallbackSettings | None = None
    cache: CacheSettings | None = None
    deadline: float | None = 2.0
    """Seconds for the whole call, all attempts included; 0.001 to 3600. None: no time limit of any kind."""
    retry: RetrySettings | None = field(default_factory=RetrySettings)
    budget: BudgetSettings | None = None
    """How much of the traffic may be retries; without `retry` it has nothing to do."""
    balancer: BalancerSettings | None = None
    """Between the instances that the provider knows. None: all calls go to the one address of the client."""
    breaker: BreakerSettings | None = field(default_factory=BreakerSettings)
    rate_limit: RateLimitSettings | None = None
    bulkhead: BulkheadSettings | None = None
    attempt_timeout: float | None = None
    """Seconds for one attempt; 0.001 to the deadline. None: as long as the call has time."""

    def __post_init__(self) -> None:
        if self.deadline is not None:
            require_range("deadline", self.deadline, 0.001, 3600)
        elif self.retry is not None and self.retry.attempts is None:
            raise SettingsError(
                "retry.attempts is None without a deadline: it would never end; right is one of the two"
            )
        if self.attempt_timeout is not None:
            require_range("attempt_timeout", self.attempt_timeout, 0.001, self.deadline or 3600)


class Edge(Policy):
    """The chain of one edge. A policy that is off is None here; the others have the counters that metrics show."""

    def __init__(
        self,
        chain: httpx.BaseTransport,
        *,
        name: str,
        inner: httpx.BaseTransport,
        patience: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        circuit: Circuit | None = None,
        slots: Slots | None = None,
        pace: Pace | None = None,
        balancer: Balancer | None = None,
        retry: Retry | None = None,
        cache: Cache | None = None,
        fallback: Fallback | None = None,
    ) -> None:
        super().__init__(chain)
        self.name = name
        """For errors, logs and metrics."""
        self._below, self._clock = inner, clock
        self._patience = _PATIENCE if patience is None else patience
        self.circuit = circuit
        """The breaker's; None with a balancer, where each instance has one. `circuits` has them all."""
        self.slots, self.pace = slots, pace
        """The bulkhead's and the rate limit's."""
        self.balancer, self.retry, self.cache, self.fallback = balancer, retry, cache, fallback

    def circuits(self) -> dict[str, Circuit]:
        """By instance, such as `10.0.0.7:8000`; under "" where there is no balancer."""
        if self.balancer is None:
            return {} if self.circuit is None else {"": self.circuit}
        return {str(member.instance): member.circuit for member in self.balancer.members() if member.circuit}

    def allows(self) -> bool:
        """Whether a call now would get past the breaker, at one instance at least."""
        circuits = self.circuits().values()
        return not circuits or any(circuit.allows() for circuit in circuits)

    def probe(self, make: Callable[[], httpx.Request]) -> list[httpx.TransportError]:
        """Ask once each instance whose breaker is not closed and would let a call pass; returns what went wrong.

        Without traffic nobody else would find out that it is well again. Goes past all that could answer in its place:
        fallback, cache, and the balancer, which would choose another instance. `make` gives a new request each time.
        """
        failures = []
        for instance, chain in self._doubtful():
            request = make()
            send_to(request, instance)
            try:
                with due_within(request, self._patience, self._clock):
                    chain.handle_request(request).close()
            except httpx.TransportError as exc:
                failures.append(exc)
        return failures

    def _doubtful(self) -> list[tuple[Instance | None, httpx.BaseTransport]]:
        def doubtful(circuit: Circuit | None) -> bool:
            return circuit is not None and circuit.state is not State.CLOSED and circuit.allows()

        if self.balancer is None:
            return [(None, self._below)] if doubtful(self.circuit) else []
        return [(each.instance, each.chain) for each in self.balancer.members() if doubtful(each.circuit)]


@dataclass(frozen=True, kw_only=True)
class _Means:
    """What the policies of one edge are given, and what they share."""

    policy: EdgePolicy
    name: str
    base: httpx.BaseTransport
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    rng: random.Random
    listener: StateListener | None
    events: Listener | None
    slots: Slots | None
    pace: Pace | None


def protect(
    base: httpx.BaseTransport | None,
    policy: EdgePolicy,
    *,
    name: str,
    provider: Provider | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    rng: random.Random | None = None,
    listener: StateListener | None = None,
    events: Listener | None = None,
) -> Edge:
    """The policies around `base`, by default a new `Wire`. Only the wire makes the deadline exact inside an attempt.

    With `policy.balancer`, `provider` knows the instances (SettingsError without one), and a base other than the wire
    has to look at `instance_of(request)`. `listener` is told of changes of the breaker's state, `events` of everything.
    """
    means = _Means(
        policy=policy,
        name=name,
        base=base if base is not None else Wire(),
        clock=clock,
        sleep=sleep,
        rng=rng or random.Random(),
        listener=listener,
        events=events,
        slots=Slots(policy.bulkhead.slots, queue=policy.bulkhead.queue) if policy.bulkhead else None,
        pace=_pace(policy.rate_limit, clock) if policy.rate_limit else None,
    )
    if policy.balancer is None:
        return _outer(means, *_inner(means, None), None)
    balancer = _balancer(means, policy.balancer, provider)
    return _outer(means, balancer, None, balancer)


def _pace(rule: RateLimitSettings, clock: Callable[[], float]) -> Pace:
    return Pace(per_second=rule.per_second, burst=rule.burst, clock=clock)


def _inner(means: _Means, instance: Instance | None) -> tuple[httpx.BaseTransport, Circuit | None]:
    """The lower half: of one instance, or, where there is no balancer, of the one address."""
    policy, name, clock = means.policy, means.name, means.clock
    chain: Policy = Attempt(means.base, seconds=policy.attempt_timeout, clock=clock)
    circuit = None
    if policy.bulkhead is not None:
        chain = Bulkhead(chain, policy.bulkhead, slots=means.slots, name=name, clock=clock, events=means.events)
    if policy.rate_limit is not None:
        chain = RateLimit(
            chain, policy.rate_limit, pace=means.pace, name=name, clock=clock, sleep=means.sleep, events=means.events
        )
    if policy.breaker is not None:
        whose = name if instance is None else f"{name}@{instance}"
        circuit = Circuit(policy.breaker, name=whose, clock=clock, listener=means.listener, events=means.events)
        chain = Breaker(chain, circuit=circuit, clock=clock)
    return chain, circuit


def _balancer(means: _Means, rule: BalancerSettings, provider: Provider | None) -> Balancer:
    if provider is None:
        raise SettingsError("balancer: nobody knows the instances; right is a provider, such as StaticList(...)")
    refresh = math.inf if isinstance(provider, StaticList) else rule.refresh
    directory = Directory(provider, refresh=refresh, name=means.name, clock=means.clock, events=means.events)
    return Balancer(
        Policy(means.base),
        rule,
        directory=directory,
        build=lambda instance: _inner(means, instance),
        name=means.name,
        clock=means.clock,
        rng=means.rng,
        events=means.events,
    )


def _outer(means: _Means, chain: httpx.BaseTransport, circuit: Circuit | None, balancer: Balancer | None) -> Edge:
    """The upper half, around the whole call."""
    policy, name, events = means.policy, means.name, means.events
    inner, retry, cache, fallback = chain, None, None, None
    if policy.retry is not None:
        budget = Budget(policy.budget) if policy.budget else None
        chain = retry = Retry(
            chain, policy.retry, budget=budget, sleep=means.sleep, rng=means.rng, name=name, events=events
        )
    if policy.deadline is not None:
        chain = Deadline(chain, seconds=policy.deadline, name=name, clock=means.clock)
    if policy.cache is not None:
        chain = cache = Cache(
            chain, policy.cache, patience=policy.deadline, name=name, clock=means.clock, events=events
        )
    if policy.fallback is not None:
        chain = fallback = Fallback(chain, policy.fallback, name=name, events=events)
    return Edge(
        chain,
        name=name,
        inner=inner,
        patience=policy.deadline,
        clock=means.clock,
        circuit=circuit,
        slots=means.slots,
        pace=means.pace,
        balancer=balancer,
        retry=retry,
        cache=cache,
        fallback=fallback,
    )
