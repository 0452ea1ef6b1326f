"""disk_full: the service has no room left to write its data; what is there can be read."""

from __future__ import annotations

from windtunnel.errors import CapabilityError, InjectionUnprovenError, RestorationUnprovenError
from windtunnel.faults.base import UndoRecord
from windtunnel.faults.service import ServiceFault
from windtunnel.stack.base import Disk, Stack


class DiskFull(ServiceFault):
    """A container's bounded disk, filled to its last byte; or a process group that may write to no file."""

    def plan(self, stack: Stack) -> tuple[UndoRecord, ...]:
        refusal = self.disk(stack).disk_refusal(self.service)
        if refusal:
            raise InjectionUnprovenError(f"service {self.service}: its disk is full before the fault: {refusal}")
        last = self.disk(stack).last_written(self.service)
        if not last and self.traffic == "baseline":
            raise CapabilityError(
                f"service {self.service} keeps no data on its disk, so there is none that could be full"
            )
        self._seen = last if self.traffic == "baseline" else 0.0
        return super().plan(stack)

    def apply(self, stack: Stack) -> None:
        self._wrote = self.disk(stack).last_written(self.service) != self._seen
        self.disk(stack).fill_disk(self.service)

    def prove(self, stack: Stack) -> str:
        if self.traffic != "none" and not self._wrote:
            raise InjectionUnprovenError(
                f"service {self.service} wrote nothing to its disk before the fault: nothing can be shown; let the "
                f"load make it write, or fill the disk of one that does"
            )
        refusal = self.disk(stack).disk_refusal(self.service)
        if not refusal:
            raise InjectionUnprovenError(f"service {self.service}: its disk was filled, but can still be written to")
        before = "wrote to its disk before; " if self._wrote else ""
        return f"service {self.service}: {before}{refusal}"

    def undo(self, stack: Stack) -> None:
        self.disk(stack).free_disk(self.service)

    def prove_restored(self, stack: Stack) -> str:
        refusal = self.disk(stack).disk_refusal(self.service)
        if refusal:
            raise RestorationUnprovenError(f"service {self.service}: its disk was freed, but is still full: {refusal}")
        return super().prove_restored(stack)

    def disk(self, stack: Stack) -> Disk:
        """Raises `CapabilityError` where nobody has that power."""
        if not isinstance(stack, Disk):
            raise CapabilityError(f"disk_full needs power over disks, which the {stack.backend} backend lacks")
        return stack
