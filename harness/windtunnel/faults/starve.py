"""starve: the service gets a small share of one processor."""

from __future__ import annotations

from windtunnel.errors import CapabilityError, InjectionUnprovenError, RestorationUnprovenError
from windtunnel.faults.base import UndoRecord
from windtunnel.faults.service import ServiceFault
from windtunnel.spec.shape import FaultShape
from windtunnel.stack.base import Processor, Stack

SHOWN = 5.0
"""Seconds within which it must be held back while canaries keep it busy."""
CANARIES = 30
"""One after the other, between two looks: a healthy service needs more than a small share for them."""


class Starve(ServiceFault):
    """A container's CPU limit, or a process group that is stopped for the rest of every tenth of a second."""

    shape = FaultShape(on="service", params={"cpu": "share"}, required=frozenset({"cpu"}))

    def processor(self, stack: Stack) -> Processor:
        if not isinstance(stack, Processor):
            raise CapabilityError(f"starve needs power over processors, which the {stack.backend} backend lacks")
        return stack

    @property
    def share(self) -> float:
        return float(self.step.params["cpu"])

    def plan(self, stack: Stack) -> tuple[UndoRecord, ...]:
        self.processor(stack)
        if not 0.01 <= self.share < 1:
            raise InjectionUnprovenError(f"service {self.service}: cpu must be from 1% to 99%, not {self.share:.0%}")
        super().plan(stack)
        return (self.signals(stack).record_of_pause(self.service),)

    def apply(self, stack: Stack) -> None:
        self._held_before = self.processor(stack).held_back(self.service)
        self.processor(stack).throttle(self.service, self.share)

    def prove(self, stack: Stack) -> str:
        state = self.processor(stack).throttled(self.service)
        if state is None or abs(state - self.share) > 0.005:
            raise InjectionUnprovenError(f"service {self.service}: {self.share:.0%} was set, but it has {state}")

        def held() -> bool:
            # It is only held back while it wants to work.
            for _ in range(CANARIES):
                self.sing(stack, self.window)
            return self._held(stack) > 0

        if not self.patience.until(held, SHOWN):
            raise InjectionUnprovenError(
                f"service {self.service}: has {state:.0%} of a processor, but was never held back; it wants no more: "
                f"set less"
            )
        return f"service {self.service}: {state:.0%} of a processor read back; held back {self._held(stack)} times"

    def undo(self, stack: Stack) -> None:
        self.processor(stack).unthrottle(self.service)

    def prove_restored(self, stack: Stack) -> str:
        state = self.processor(stack).throttled(self.service)
        if state is not None:
            raise RestorationUnprovenError(f"service {self.service}: still has only {state:.0%} of a processor")
        return super().prove_restored(stack)

    def _held(self, stack: Stack) -> int:
        return self.processor(stack).held_back(self.service) - self._held_before
