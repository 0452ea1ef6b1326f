"""What every fault is: planned into the journal, applied, proven to have bitten, undone, proven undone.

    plan -> (journal, fsync) -> apply -> prove ... undo -> (journal) -> prove_restored

`plan` must know enough to undo before anything is done, because the run may die between two lines; `undo` therefore
takes plain data, can be run by another process, and can be run twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from windtunnel.spec.model import FaultStep
from windtunnel.stack.base import Stack

TrafficRule = Literal["baseline", "ever", "none"]
"""Since when what is broken must have been in use: since `plan`, since it exists, or not at all."""


@dataclass(frozen=True, kw_only=True)
class UndoRecord:
    """How to take back one act. `op` names a function in the table of `windtunnel.undo`; `data` is its input."""

    op: str
    data: Mapping[str, str | int | float]


class Fault(Protocol):
    """One thing that can be done to an edge or a service."""

    step: FaultStep
    traffic: TrafficRule
    """Faults that are shown without anybody's use of what they break take no notice of it."""

    def plan(self, stack: Stack) -> tuple[UndoRecord, ...]:
        """How it will be taken back. Looks, changes nothing. Called at the start of the baseline.

        Raises `CapabilityError` if this stack cannot do it, `InjectionUnprovenError` if it is clear already that
        nothing could show it.
        """

    def apply(self, stack: Stack) -> None:
        """Do it; returns when it is acknowledged."""

    def prove(self, stack: Stack) -> str:
        """Show that it bites: state read back and an effect on that very target. Says in words what was seen.

        Raises `InjectionUnprovenError` when nothing shows it.
        """

    def undo(self, stack: Stack) -> None:
        """Take it back; returns when it is acknowledged. Harmless when it was never applied."""

    def prove_restored(self, stack: Stack) -> str:
        """Show that it is gone. Raises `RestorationUnprovenError` when nothing shows it."""


@runtime_checkable
class Bites(Protocol):
    """A fault that can show more than its own canary met it."""

    def prove_on_load(self, stack: Stack, timeout: float) -> str:
        """Show that the load met it, within `timeout` seconds. Called at the end of the fault phase, before `undo`.

        Raises `InjectionUnprovenError` when only our own canaries did.
        """
