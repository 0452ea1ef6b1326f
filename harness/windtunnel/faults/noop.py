"""A fault that does nothing: the template for a new one, and a test double.

It is not in the table: an experiment whose fault does nothing would pass and show nothing.
"""

from __future__ import annotations

from windtunnel.errors import InjectionUnprovenError
from windtunnel.faults.base import UndoRecord
from windtunnel.spec.model import FaultStep
from windtunnel.stack.base import Stack


class Noop:
    """Changes nothing, and so can never be proven."""

    def __init__(self, step: FaultStep) -> None:
        self.step = step

    def plan(self, stack: Stack) -> tuple[UndoRecord, ...]:
        return ()

    def apply(self, stack: Stack) -> None:
        """Nothing to do."""

    def prove(self, stack: Stack) -> str:
        raise InjectionUnprovenError("noop: a fault that does nothing cannot be proven")

    def undo(self, stack: Stack) -> None:
        """Nothing to take back."""

    def prove_restored(self, stack: Stack) -> str:
        return "nothing was changed"
