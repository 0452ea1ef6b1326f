"""memory_limit: the service gets so much more memory than it has, and no more."""

from __future__ import annotations

import re

from windtunnel.errors import CapabilityError, InjectionUnprovenError, RestorationUnprovenError
from windtunnel.faults.base import UndoRecord
from windtunnel.faults.canary import Sighting
from windtunnel.faults.service import ServiceFault
from windtunnel.spec.shape import FaultShape
from windtunnel.stack.base import Memory, Stack

SHOWN = 10.0
"""Seconds within which it must be refused memory."""
WANT = re.compile(r"MemoryError|OutOfMemory|out of memory|[Cc]annot allocate memory|can't start new thread|ENOMEM")
"""How programs say that they were refused memory."""
SERVER_ERROR = 500


class MemoryLimit(ServiceFault):
    """A container's memory limit, behind which the kernel ends it; a process whose allocations fail."""

    shape = FaultShape(on="service", params={"headroom": "bytes"}, required=frozenset({"headroom"}))

    def plan(self, stack: Stack) -> tuple[UndoRecord, ...]:
        self.memory(stack)
        return super().plan(stack)

    def apply(self, stack: Stack) -> None:
        self._since = self.patience.clock()
        # A log may begin a moment too early: what is there already was not said under the fault.
        self._said = len(stack.log_lines(self.service, self._since))
        self._refusals = self.memory(stack).memory_refusals(self.service)
        self.memory(stack).limit_memory(self.service, int(self.step.params["headroom"]))
        self._limit = self.memory(stack).memory_limited(self.service)

    def prove(self, stack: Stack) -> str:
        if self._limit is None:
            raise InjectionUnprovenError(f"service {self.service}: its memory was limited, but it has no limit")
        seen: list[str] = []

        def refused() -> bool:
            seen[:] = [self._refused(stack)]
            return bool(seen[0])

        if not self.patience.until(refused, SHOWN):
            raise InjectionUnprovenError(
                f"service {self.service}: has {self._limit} bytes of memory, but was never refused more; it wants no "
                f"more: set less headroom, or let the load make it want more"
            )
        return f"service {self.service}: a limit of {self._limit} bytes of memory read back; {seen[0]}"

    def undo(self, stack: Stack) -> None:
        self.memory(stack).unlimit_memory(self.service)
        self.signals(stack).start_service(self.service)

    def prove_restored(self, stack: Stack) -> str:
        limit = self.memory(stack).memory_limited(self.service)
        if limit is not None:
            raise RestorationUnprovenError(f"service {self.service}: still has only {limit} bytes of memory")
        return super().prove_restored(stack)

    def memory(self, stack: Stack) -> Memory:
        """Raises `CapabilityError` where nobody has that power."""
        if not isinstance(stack, Memory):
            raise CapabilityError(f"memory_limit needs power over memory, which the {stack.backend} backend lacks")
        return stack

    def _refused(self, stack: Stack) -> str:
        """What shows that it was refused memory: the kernel, its end, a canary, or what it says itself."""
        if self.signals(stack).state(self.service).state == "gone":
            return "it did not outlive it"
        refusals = self.memory(stack).memory_refusals(self.service) - self._refusals
        if refusals > 0:
            return f"the kernel refused it more {refusals} times"
        seen = self.sing(stack, self.window)
        if _is_refusal(seen):
            return f"a canary was {seen}"
        lines = stack.log_lines(self.service, self._since)[self._said :]
        return next((f"it says: {line.strip()[:200]}" for line in lines if WANT.search(line)), "")


def _is_refusal(seen: Sighting) -> bool:
    """Slowness alone shows nothing: any busy machine has that."""
    return seen.outcome in ("refused", "reset", "ended") or (seen.status or 0) >= SERVER_ERROR
