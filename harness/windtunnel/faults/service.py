"""What all faults on services share: signals, the service's state, and a canary straight to its own address."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from windtunnel.errors import CapabilityError, InjectionUnprovenError, RestorationUnprovenError
from windtunnel.faults.base import TrafficRule, UndoRecord
from windtunnel.faults.canary import Sighting, Song, sing
from windtunnel.faults.dialect import Dialect, Greeting, Http
from windtunnel.faults.patience import Patience
from windtunnel.spec.model import FaultStep
from windtunnel.spec.shape import FaultShape
from windtunnel.stack.base import ServiceState, Signals, Stack

HEALING = 30.0
"""Seconds that a service has to be ready again."""
READY = 5.0
"""Seconds that a canary has when a service is to be shown ready: queues in front of it may still be long."""
ANSWER = 1.0
"""Seconds within which a healthy service answers a canary; ten times what it took before, if that is longer."""


class ServiceFault(ABC):
    """A fault on one instance of a service. Subclasses say what is done to it and how that shows."""

    shape: ClassVar[FaultShape] = FaultShape(on="service")

    def __init__(self, step: FaultStep, *, patience: Patience | None = None) -> None:
        self.step = step
        self.traffic: TrafficRule = "baseline"
        self.patience = patience or Patience()
        self.service = step.service or ""
        self.before = ServiceState(state="gone", pids=(), started=0.0)
        self.healthy: Sighting | None = None

    def plan(self, stack: Stack) -> tuple[UndoRecord, ...]:
        self.before = self.signals(stack).state(self.service)
        if self.before.state != "running":
            raise InjectionUnprovenError(f"service {self.service} is {self.before.state} before the fault")
        self.healthy = self.sing(stack, READY)
        if not self.is_ready(stack, self.healthy):
            raise InjectionUnprovenError(f"service {self.service}: a canary was {self.healthy} before the fault")
        return self.records()

    @abstractmethod
    def apply(self, stack: Stack) -> None:
        """As in `Fault`."""

    @abstractmethod
    def prove(self, stack: Stack) -> str:
        """As in `Fault`."""

    @abstractmethod
    def undo(self, stack: Stack) -> None:
        """As in `Fault`."""

    def prove_restored(self, stack: Stack) -> str:
        last: list[Sighting] = []

        def ready() -> bool:
            if self.signals(stack).state(self.service).state != "running":
                return False
            last[:] = [self.sing(stack, max(READY, self.window))]
            return self.is_ready(stack, last[0])

        if not self.patience.until(ready, HEALING):
            state = self.signals(stack).state(self.service).state
            seen = f"; a canary was {last[0]}" if last else ""
            raise RestorationUnprovenError(
                f"service {self.service}: {HEALING:g} s after the fault it is {state}, and not ready{seen}"
            )
        return f"service {self.service}: running, and a canary was {last[0]}"

    def records(self) -> tuple[UndoRecord, ...]:
        """Nothing to take back in another process, unless a subclass says so: services end with their run."""
        return ()

    def signals(self, stack: Stack) -> Signals:
        if not isinstance(stack, Signals):
            raise CapabilityError(f"{self.step.fault} needs signals, which the {stack.backend} backend cannot send")
        return stack

    @property
    def window(self) -> float:
        """Seconds after which it would have answered for sure, were it well."""
        return max(ANSWER, 10 * self.healthy.seconds) if self.healthy else ANSWER

    def sing(self, stack: Stack, patience: float) -> Sighting:
        """One canary to the service's own address, past every proxy."""
        dialect = self.dialect(stack)
        song = Song(exchanges=dialect.exchanges, patience=patience)
        return sing(stack.address(self.service), dialect, song, self.patience.clock)

    def dialect(self, stack: Stack) -> Dialect:
        ready = stack.topology.instances[self.service].ready
        return Http(ready, str(stack.address(self.service))) if ready.startswith("/") else Greeting()

    def is_ready(self, stack: Stack, seen: Sighting) -> bool:
        if isinstance(self.dialect(stack), Http):
            return seen.outcome == "answered" and seen.status == 200
        # `ready: tcp` promises a connection, and not that the server speaks.
        return seen.outcome in ("answered", "silent", "ended")
