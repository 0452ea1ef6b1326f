"""A fault on a service is one on each of its instances: `inventory` means all of them, `inventory#2` that one."""

from __future__ import annotations

from dataclasses import replace

from windtunnel.errors import WindtunnelError
from windtunnel.faults.base import TrafficRule, UndoRecord
from windtunnel.faults.service import ServiceFault
from windtunnel.spec.model import FaultStep
from windtunnel.stack.base import Stack


class EachInstance:
    """A `Fault` made of one for each instance that the step's service has, as the topology knows when it is planned."""

    def __init__(self, step: FaultStep, kind: type[ServiceFault]) -> None:
        self.step, self.kind, self.shape = step, kind, kind.shape
        self.traffic: TrafficRule = "baseline"
        self.parts: tuple[ServiceFault, ...] = ()

    def plan(self, stack: Stack) -> tuple[UndoRecord, ...]:
        instances = stack.topology.instances_of(self.step.service or "")
        self.parts = tuple(self.kind(replace(self.step, service=name)) for name in instances)
        for part in self.parts:
            part.traffic = self.traffic
        return tuple(record for part in self.parts for record in part.plan(stack))

    def apply(self, stack: Stack) -> None:
        for part in self.parts:
            part.apply(stack)

    def prove(self, stack: Stack) -> str:
        return "; ".join([part.prove(stack) for part in self.parts])

    def undo(self, stack: Stack) -> None:
        """Every one is tried, whatever fails."""
        failures: list[WindtunnelError] = []
        for part in self.parts:
            try:
                part.undo(stack)
            except WindtunnelError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def prove_restored(self, stack: Stack) -> str:
        return "; ".join([part.prove_restored(stack) for part in self.parts])
