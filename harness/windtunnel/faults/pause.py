"""pause: the service is frozen (SIGSTOP, or its cgroup): its sockets stay open, nothing moves, until it may go on."""

from __future__ import annotations

from windtunnel.errors import InjectionUnprovenError
from windtunnel.faults.base import UndoRecord
from windtunnel.faults.service import ServiceFault
from windtunnel.stack.base import Stack


class Pause(ServiceFault):
    """Every process of it is stopped. Connections are still accepted, by the kernel; nobody answers."""

    def plan(self, stack: Stack) -> tuple[UndoRecord, ...]:
        super().plan(stack)
        if self.healthy is None or self.healthy.outcome != "answered":
            raise InjectionUnprovenError(
                f"service {self.service}: a canary was {self.healthy} before the fault, so its silence would show "
                f"nothing; it must answer HTTP on its `ready` path, or greet with 220"
            )
        return (self.signals(stack).record_of_pause(self.service),)

    def apply(self, stack: Stack) -> None:
        self.signals(stack).pause(self.service)

    def prove(self, stack: Stack) -> str:
        now = self.signals(stack).state(self.service)
        if now.state != "stopped":
            raise InjectionUnprovenError(f"service {self.service}: was paused, but is {now.state}")
        if (now.pids, now.started) != (self.before.pids, self.before.started):
            raise InjectionUnprovenError(f"service {self.service}: is stopped, but is not the process it was")
        seen = self.sing(stack, self.window)
        if seen.outcome != "silent" or seen.received:
            raise InjectionUnprovenError(f"service {self.service}: stopped, but a canary was {seen}, not left waiting")
        return f"service {self.service}: pids {', '.join(map(str, now.pids))} are stopped, a canary was {seen}"

    def undo(self, stack: Stack) -> None:
        self.signals(stack).resume(self.service)
