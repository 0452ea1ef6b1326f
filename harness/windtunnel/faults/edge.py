"""What all faults on edges share: traffic before, canaries before and after, one proxy after the other.

plan    healthy canaries, mark the traffic          prove            state read back, a canary meets the fault
apply   freeze the record, inject                   prove_restored   state read back, a canary is as well as the callee
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from windtunnel.errors import InjectionUnprovenError, ProxyError, RestorationUnprovenError
from windtunnel.faults.base import TrafficRule, UndoRecord
from windtunnel.faults.canary import Sighting, Song
from windtunnel.faults.patience import Patience
from windtunnel.faults.watch import Watch
from windtunnel.spec.model import FaultStep
from windtunnel.spec.shape import FaultShape
from windtunnel.stack.base import Stack

HEALING = 10.0
"""Seconds that an edge has to be healthy again once the fault was taken back: queues behind it may still be long."""
SETTLING = 0.5
"""Seconds that the proxy has to see the healthy canaries leave; an edge whose load grows meanwhile never looks so."""


class EdgeFault(ABC):
    """A fault on one or several edges, with all their proxies. Subclasses say what is done to one, and how it shows."""

    shape: ClassVar[FaultShape]

    def __init__(self, step: FaultStep, *, patience: Patience | None = None) -> None:
        self.step = step
        self.traffic: TrafficRule = "baseline"
        self.patience = patience or Patience()
        self.watches: tuple[Watch, ...] = ()

    def plan(self, stack: Stack) -> tuple[UndoRecord, ...]:
        links = dict.fromkeys(link for edge in self.step.edges for link in stack.topology.links_of(edge))
        self.watches = tuple(Watch(stack, link, self.patience.clock) for link in links)
        if self.traffic != "none":
            for watch in self.watches:
                watch.require_evidence()
        for watch in self.watches:
            self.listen(watch)
            # A canary's connection that is still closing would be touched, and taken for one of the load's.
            self.patience.until(watch.settled, SETTLING)
            if self.traffic == "baseline":
                watch.mark()
        return tuple(record for watch in self.watches for record in self.records(watch))

    def apply(self, stack: Stack) -> None:
        for watch in self.watches:
            watch.freeze()
            watch.canaries = 0
        for watch in self.watches:
            self.inject(watch)

    def prove(self, stack: Stack) -> str:
        for watch in self.watches:
            self._require_traffic(watch)
        with ThreadPoolExecutor(max_workers=len(self.watches)) as pool:
            return "; ".join(pool.map(self.show, self.watches))

    def prove_on_load(self, stack: Stack, timeout: float) -> str:
        return "; ".join(self.show_on_load(watch, timeout) for watch in self.watches)

    def undo(self, stack: Stack) -> None:
        failures: list[ProxyError] = []
        for watch in self.watches:
            try:
                self.lift(watch)
            except ProxyError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def prove_restored(self, stack: Stack) -> str:
        return "; ".join(self._show_restored(watch) for watch in self.watches)

    def touched(self) -> int:
        """Links on which the fault met somebody else than our canaries; 0 where nobody can count that."""
        return sum(self.touched_by_load(watch) for watch in self.watches)

    def listen(self, watch: Watch) -> None:
        """Hear how the edge answers while it is well."""
        watch.begin(self.song(watch))

    def song(self, watch: Watch) -> Song:
        """What a canary does to meet the fault, without its patience."""
        return Song(exchanges=watch.dialect.exchanges)

    @abstractmethod
    def records(self, watch: Watch) -> tuple[UndoRecord, ...]:
        """How the act on this edge is taken back."""

    @abstractmethod
    def inject(self, watch: Watch) -> None:
        """Do it to this edge's proxy."""

    @abstractmethod
    def show(self, watch: Watch) -> str:
        """The proof on this edge, in words. Raises `InjectionUnprovenError`."""

    @abstractmethod
    def show_on_load(self, watch: Watch, timeout: float) -> str:
        """The proof that the load met it on this edge. Raises `InjectionUnprovenError`."""

    @abstractmethod
    def lift(self, watch: Watch) -> None:
        """Take it back on this edge. Harmless when it is not there."""

    @abstractmethod
    def trace(self, watch: Watch) -> str | None:
        """What the proxy's state still shows of it; None when that is clean."""

    def touched_by_load(self, watch: Watch) -> int:
        return 0

    def _require_traffic(self, watch: Watch) -> None:
        if self.traffic != "none" and watch.carried() <= 0:
            raise InjectionUnprovenError(
                f"edge {watch.name} carried no traffic before the fault: nothing can be shown; "
                f"let the load use it, or break an edge that it uses"
            )

    def _show_restored(self, watch: Watch) -> str:
        trace = self.trace(watch)
        if trace is not None:
            raise RestorationUnprovenError(f"edge {watch.name}: {trace}")
        song, last = Song(exchanges=watch.dialect.exchanges, patience=watch.window), list[Sighting]()

        def healthy() -> bool:
            last[:] = [watch.sing(song)]
            return last[0].outcome == "answered"

        if self.patience.until(healthy, HEALING):
            return f"edge {watch.name}: the proxy is clean, a canary was {last[0]}"
        past = watch.sing_past(song)
        if past is None or past.outcome == "answered":
            raise RestorationUnprovenError(
                f"edge {watch.name}: the fault was taken back, but {HEALING:g} s later a canary was still {last[0]}; "
                f"before the fault it took {watch.typical * 1000:.0f} ms"
            )
        # It is the system that did not come back, and whether it had to is for the promises to say.
        return (
            f"edge {watch.name}: the proxy is clean; {HEALING:g} s later a canary was still {last[0]}, and so was one "
            f"that went past the proxy ({past}): {watch.edge.target} itself is not well"
        )


def until_seen(condition: Callable[[], bool], patience: Patience, seconds: float, otherwise: str) -> None:
    """Wait until the condition holds; raise `InjectionUnprovenError` when it does not."""
    if not patience.until(condition, seconds):
        raise InjectionUnprovenError(otherwise)
