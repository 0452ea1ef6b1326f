"""The faults of one experiment, driven by their offsets: planned, journalled, applied, proven, lifted, proven lifted.

    plan ──> journal (fsync) ──> apply ──> prove ─ ─ prove_on_load ─ ─> undo ──> journal ──> prove_restored
                                   │                                     │
                                "applied"                            "removed"        (events of the history)

Whatever happens in between, `lift` takes back everything that was begun, in reverse order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from windtunnel.errors import WindtunnelError
from windtunnel.faults import build
from windtunnel.faults.base import Bites, Fault
from windtunnel.history import Event, FaultEvent
from windtunnel.spec.model import FaultStep
from windtunnel.stack.base import Stack
from windtunnel.undo import Journal

LOAD_PATIENCE = 2.0
"""Seconds that requests of the load have, at the end of a fault, to be seen to have met it."""
Progress = Literal["waiting", "active", "lifted"]


@dataclass
class _Step:
    """One step and how far it has come."""

    step: FaultStep
    fault: Fault
    records: tuple[str, ...] = ()
    progress: Progress = "waiting"

    @property
    def target(self) -> str:
        return ", ".join(self.step.edges) or (self.step.service or "")


class Disruption:
    """Everything that an experiment breaks. `emit` receives the events for the history."""

    def __init__(
        self,
        steps: Iterable[FaultStep],
        stack: Stack,
        journal: Journal,
        emit: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stack, self._journal, self._emit, self._clock = stack, journal, emit, clock
        self._steps = [_Step(step, build(step)) for step in steps]

    def plan(self) -> None:
        """Write down how each fault will be undone. Raises `CapabilityError` before anything is touched."""
        planned = [(entry, entry.fault.plan(self._stack)) for entry in self._steps]
        for entry, undo_records in planned:
            entry.records = tuple(self._journal.plan(record) for record in undo_records)
            self._say(entry, "planned")

    def advance(self, elapsed: float) -> None:
        """Apply what is due and lift what has lasted long enough, `elapsed` seconds into the fault phase."""
        for entry in self._steps:
            if entry.progress == "waiting" and elapsed >= entry.step.at:
                self._apply(entry)
            duration = entry.step.duration
            if entry.progress == "active" and duration is not None and elapsed >= entry.step.at + duration:
                self._prove_on_load(entry)
                self._lift(entry)

    def prove_on_load(self) -> None:
        """Show that requests of the load met each fault that is still active, where a fault can show that."""
        for entry in self._steps:
            if entry.progress == "active":
                self._prove_on_load(entry)

    def lift(self) -> None:
        """Take back everything that is still in place, the latest first. Every fault is tried, whatever fails."""
        failures = []
        for entry in reversed(self._steps):
            if entry.progress == "active":
                try:
                    self._lift(entry)
                except Exception as error:  # whatever it is, the other faults must be lifted too
                    failures.append(error)
                    self._say(entry, "unrestored", str(error))
        if failures:
            raise failures[0]

    def prove_restored(self) -> bool:
        """Show that every lifted fault is gone. False when one could not be shown to be."""
        proofs = [self._prove_restored(entry) for entry in self._steps if entry.progress == "lifted"]
        return all(proofs)

    def _apply(self, entry: _Step) -> None:
        entry.progress = "active"  # before the act: a fault that failed half-way must be lifted too
        entry.fault.apply(self._stack)
        self._say(entry, "applied")
        self._prove(entry, partial(entry.fault.prove, self._stack))

    def _prove(self, entry: _Step, proof: Callable[[], str]) -> None:
        try:
            self._say(entry, "proven", proof())
        except WindtunnelError as error:
            self._say(entry, "unproven", str(error))

    def _prove_on_load(self, entry: _Step) -> None:
        if isinstance(entry.fault, Bites):
            self._prove(entry, partial(entry.fault.prove_on_load, self._stack, LOAD_PATIENCE))

    def _lift(self, entry: _Step) -> None:
        entry.fault.undo(self._stack)
        entry.progress = "lifted"
        self._say(entry, "removed")
        for record in entry.records:
            self._journal.done(record)

    def _prove_restored(self, entry: _Step) -> bool:
        try:
            self._say(entry, "restored", entry.fault.prove_restored(self._stack))
        except WindtunnelError as error:
            self._say(entry, "unrestored", str(error))
            return False
        return True

    def _say(
        self,
        entry: _Step,
        what: Literal["planned", "applied", "proven", "unproven", "removed", "restored", "unrestored"],
        proof: str = "",
    ) -> None:
        self._emit(
            FaultEvent(
                t=self._clock(),
                step=entry.step.name,
                fault=entry.step.fault,
                target=entry.target,
                what=what,
                proof=proof,
            )
        )
