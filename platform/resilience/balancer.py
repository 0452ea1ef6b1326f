"""The balancer: which instance takes this attempt. Those that are ejected, or whose breaker is open, get none."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

import httpx

from resilience.circuit import Circuit
from resilience.count import Count
from resilience.discovery import Directory
from resilience.ejection import EjectionSettings, Record
from resilience.errors import BreakerOpenError, NoInstanceError, SettingsError, require_range
from resilience.events import Announcer, Listener
from resilience.instance import Instance, send_to
from resilience.outcome import failed, peers_fault
from resilience.policy import Policy, at_end
from resilience.states import State

_TRIED = "resilience.tried"

Strategy = Literal["least_loaded", "round_robin"]
_STRATEGIES = ("least_loaded", "round_robin")


@dataclass(frozen=True, kw_only=True)
class BalancerSettings:
    """How an instance is chosen. Raises SettingsError."""

    strategy: Strategy = "least_loaded"
    """`least_loaded`: of two drawn at random, the one with fewer calls under way (power of two choices, Mitzenmacher);
    `round_robin`: one after the other."""
    refresh: float = 5.0
    """Seconds after which the provider is asked again; 0.1 to 3600."""
    ejection: EjectionSettings | None = field(default_factory=EjectionSettings)
    """None: nobody is left out, except by its own breaker."""

    def __post_init__(self) -> None:
        if self.strategy not in _STRATEGIES:
            raise SettingsError(f"balancer.strategy is {self.strategy!r}; right is one of {', '.join(_STRATEGIES)}")
        require_range("balancer.refresh", self.refresh, 0.1, 3600)


class Member:
    """One instance, as the balancer sees it."""

    def __init__(self, instance: Instance, chain: httpx.BaseTransport, circuit: Circuit | None, record: Record) -> None:
        self.instance, self.circuit = instance, circuit
        self.in_flight = 0
        """Calls under way."""
        self.chain, self.record, self.gone = chain, record, False

    @property
    def ejected(self) -> bool:
        """Whether it is left out now, or was until nobody asked again."""
        return self.record.out_until is not None

    def allows(self) -> bool:
        """Whether its breaker would let a call pass."""
        circuit = self.circuit
        return circuit is None or circuit.state is State.CLOSED or circuit.allows()


Build = Callable[[Instance], tuple[httpx.BaseTransport, Circuit | None]]
"""Makes what is below the balancer, for one instance."""


class Balancer(Policy):
    """Sends each attempt to one instance, another one than the call's earlier attempts if it can.

    Instances come and go with the directory; what is under way at one that left is finished, and its connections are
    closed. Raises NoInstanceError; BreakerOpenError when the breakers of all are open.
    """

    def __init__(
        self,
        base: httpx.BaseTransport,
        settings: BalancerSettings,
        *,
        directory: Directory,
        build: Build,
        name: str = "call",
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        events: Listener | None = None,
    ) -> None:
        super().__init__(base)
        self.directory, self._build, self._settings = directory, build, settings
        self._name, self._clock, self._rng = name, clock, rng or random.Random()
        self._announce = Announcer(name, "balancer", events)
        self._rule = settings.ejection or EjectionSettings()
        self._known: tuple[Instance, ...] = ()
        self._members: dict[Instance, Member] = {}
        self._turn = itertools.count()
        self._ejections = Count()
        self._lock = threading.Lock()

    @property
    def ejections(self) -> int:
        """So far."""
        return self._ejections.value

    def members(self) -> list[Member]:
        """The instances now."""
        with self._lock:
            return list(self._members.values())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._follow(self.directory.instances())
        tried: set[Instance] = request.extensions.setdefault(_TRIED, set())
        closed: set[Instance] = set()
        while True:
            member = self._pick(tried, closed)
            tried.add(member.instance)
            send_to(request, member.instance)
            try:
                response = member.chain.handle_request(request)
            except BreakerOpenError:
                # Its breaker changed its mind between the look and the call.
                self._end(member, None)
                closed.add(member.instance)
                if self._nobody_but(closed):
                    raise
            except BaseException as exc:
                self._end(member, True if peers_fault(exc) else None)
                raise
            else:
                break
        status, chosen = response.status_code, member

        def ended(error: BaseException | None, whole: bool) -> None:
            bad = failed(status) or (error is not None and peers_fault(error))
            self._end(chosen, bad if bad or whole else None)

        return at_end(response, ended)

    def _pick(self, tried: set[Instance], closed: Collection[Instance]) -> Member:
        """The one to call; its call is under way from now on."""
        with self._lock:
            self._let_back()
            inside = [member for member in self._members.values() if not member.ejected]
            if not inside:
                raise NoInstanceError(f"{self._name}: no instance is known", retry_after=1.0)
            fresh = [member for member in inside if member.instance not in tried]
            if not fresh:
                tried.clear()
                fresh = [member for member in inside if member.instance not in closed] or inside
            ready = [member for member in fresh if member.allows()]
            # An untried one whose breaker is open is of less use than one that was tried and would answer.
            ready = ready or [member for member in inside if member.instance not in closed and member.allows()]
            member = self._choose(ready or fresh)
            member.in_flight += 1
            return member

    def _nobody_but(self, closed: Collection[Instance]) -> bool:
        """Whether all the others are ejected: to wait for one to come back would be to spin."""
        with self._lock:
            return all(member.ejected or member.instance in closed for member in self._members.values())

    def _choose(self, members: list[Member]) -> Member:
        if len(members) == 1:
            return members[0]
        if self._settings.strategy == "round_robin":
            return members[next(self._turn) % len(members)]
        one, other = self._rng.sample(members, 2)
        return one if one.in_flight <= other.in_flight else other

    def _end(self, member: Member, bad: bool | None) -> None:
        """A call is over: it failed, it went well, or (None) it says nothing."""
        out = 0.0
        with self._lock:
            member.in_flight -= 1
            drain = member.gone and member.in_flight == 0
            now = self._clock()
            if bad is not None and member.record.add(now, failed=bad) and self._may_eject(member):
                out, drain = member.record.eject(now), True
        if out:
            self._ejections.add()
            self._announce("ejected", f"{member.instance} for {out:g} s: {self._rule.failures} failures in a row")
        if drain:
            self.drain(member.instance)

    def _may_eject(self, member: Member) -> bool:
        if self._settings.ejection is None or member.gone:
            return False
        return sum(each.ejected for each in self._members.values()) < self._rule.most(len(self._members))

    def _let_back(self) -> None:
        """Those whose time is over; and the first ones of the others, when instances left and too many are out."""
        now = self._clock()
        out = sorted(
            (member for member in self._members.values() if member.ejected),
            key=lambda member: member.record.out_until or 0.0,
        )
        too_many = len(out) - self._rule.most(len(self._members))
        for place, member in enumerate(out):
            if place < too_many or now >= (member.record.out_until or 0.0):
                member.record.come_back(now)

    def _follow(self, known: tuple[Instance, ...]) -> None:
        """Takes in who has come, lets go of who has left."""
        if known is self._known:
            return
        with self._lock:
            known = self.directory.known  # what this thread was told may be old by now
            if known is self._known:
                return
            self._known = known
            come = [instance for instance in known if instance not in self._members]
            left = [self._members.pop(instance) for instance in [*self._members] if instance not in known]
            for member in left:
                member.gone = True
            for instance in come:
                self._members[instance] = Member(instance, *self._build(instance), Record(self._rule))
        for member in left:
            # Those in use are closed after their answer; what is idle is of no more use.
            self.drain(member.instance)
            self._announce("left", str(member.instance))
        for instance in come:
            self._announce("joined", str(instance))
