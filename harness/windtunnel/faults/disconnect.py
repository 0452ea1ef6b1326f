"""disconnect: the service runs, but is on no network: nobody reaches it, and it reaches nobody."""

from __future__ import annotations

from windtunnel.errors import CapabilityError, InjectionUnprovenError
from windtunnel.faults.canary import Sighting
from windtunnel.faults.service import ServiceFault
from windtunnel.stack.base import Networks, Stack


class Disconnect(ServiceFault):
    """Takes the service's container off its network. Undo puts it back at its old address.

    The reaper has nothing to take back: a container goes with its run.
    """

    def networks(self, stack: Stack) -> Networks:
        if not isinstance(stack, Networks):
            raise CapabilityError(f"disconnect needs networks, which the {stack.backend} backend lacks")
        return stack

    def plan(self, stack: Stack) -> tuple[()]:
        self.networks(stack)
        super().plan(stack)
        return ()

    def apply(self, stack: Stack) -> None:
        self.networks(stack).disconnect(self.service)

    def prove(self, stack: Stack) -> str:
        if self.networks(stack).connected(self.service):
            raise InjectionUnprovenError(f"service {self.service}: was taken off its network, but is still on it")
        now = self.signals(stack).state(self.service)
        if now.state != "running" or now.pids != self.before.pids:
            raise InjectionUnprovenError(f"service {self.service}: should run on without a network, but is {now.state}")
        seen: Sighting = self.sing(stack, self.window)
        if seen.outcome == "answered":
            raise InjectionUnprovenError(f"service {self.service}: is off its network, but a canary was {seen}")
        return f"service {self.service}: pid {now.pids[0]} runs and is on no network, a canary was {seen}"

    def undo(self, stack: Stack) -> None:
        self.networks(stack).reconnect(self.service)
