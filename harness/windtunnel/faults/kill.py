"""kill: the service ends at once (SIGKILL) and stays down until the fault is taken back."""

from __future__ import annotations

from windtunnel.errors import InjectionUnprovenError
from windtunnel.faults.canary import Sighting
from windtunnel.faults.service import ServiceFault
from windtunnel.stack.base import Stack


class Kill(ServiceFault):
    """Nothing of it runs, and nobody listens where it did. Undo starts it again on its old port."""

    def apply(self, stack: Stack) -> None:
        self.signals(stack).kill(self.service)

    def prove(self, stack: Stack) -> str:
        now = self.signals(stack).state(self.service)
        if now.state != "gone":
            raise InjectionUnprovenError(f"service {self.service}: was killed, but is {now.state} (pids {now.pids})")
        seen: list[Sighting] = []

        def refused() -> bool:
            # The last threads of a process that is dead already may still hold its sockets for some milliseconds.
            seen[:] = [self.sing(stack, self.window)]
            return seen[0].outcome == "refused"

        if not self.patience.until(refused, self.window):
            raise InjectionUnprovenError(f"service {self.service}: gone, but a canary was {seen[0]}, not refused")
        where = stack.address(self.service)
        return f"service {self.service}: pid {self.before.pids[0]} is gone, a canary to {where} was {seen[0]}"

    def undo(self, stack: Stack) -> None:
        self.signals(stack).start_service(self.service)
