"""The faults that are in place on a standing system: each put with its proof, lifted with its proof.

put    plan ── journal (fsync) ── apply ── prove ── (unproven: lift)
lift   undo ── journal ── prove_restored
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from windtunnel.errors import WindtunnelError
from windtunnel.faults import EachInstance, EdgeFault, build
from windtunnel.stack.base import Stack
from windtunnel.standby.words import Asked
from windtunnel.undo import Journal

Say = Callable[[str], None]
State = Literal["being proven", "proven", "being lifted", "stuck"]


@dataclass(kw_only=True)
class InPlace:
    """One fault, from just before it is applied until it is taken back."""

    number: int
    asked: Asked
    fault: EdgeFault | EachInstance
    records: tuple[str, ...]
    until: float | None = None
    """When it is due to be lifted, once it is applied; None: when somebody asks for it."""
    state: State = "being proven"

    def __str__(self) -> str:
        return f"{self.number} {self.asked.words}"

    def left(self, now: float) -> float | None:
        """Seconds until it is due to be lifted."""
        return None if self.until is None else max(0.0, self.until - now)


class FaultsInPlace:
    """Everything that changes something is called on one thread; `current` by any."""

    def __init__(self, stack: Stack, journal: Journal, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stack, self._journal, self._clock = stack, journal, clock
        self._entries: tuple[InPlace, ...] = ()  # replaced, never changed: other threads look at it
        self._count = 0

    @property
    def current(self) -> tuple[InPlace, ...]:
        """The oldest first."""
        return self._entries

    @property
    def next_end(self) -> float | None:
        """When the next one is due to be lifted."""
        return min((entry.until for entry in self._entries if entry.until is not None), default=None)

    def put(self, asked: Asked, say: Say) -> bool:
        """Do it and prove it; False when it was not proven, and therefore taken back.

        Raises `WindtunnelError` when it cannot be done; then nothing was.
        """
        fault = build(asked.step)
        fault.traffic = "none"  # a person may well break an edge first and call afterwards
        entry = self._plan(asked, fault)
        try:
            fault.apply(self._stack)
            lasts = asked.step.duration
            entry.until = None if lasts is None else self._clock() + lasts
            say(f"{entry}: applied, being proven")
            proof = fault.prove(self._stack)
        except Exception as error:  # whatever it is: what was begun must be taken back
            say(f"{entry}: NOT PROVEN: {_words(error)}")
            self.lift([entry], say)
            return False
        entry.state = "proven"
        say(f"{entry}: proven: {proof}")
        return fault.shape.lasting or self.lift([entry], say)

    def lift(self, entries: Iterable[InPlace], say: Say) -> bool:
        """Take these back, the latest first, then prove that they are gone; False when one could not be."""
        wanted = sorted(entries, key=lambda entry: -entry.number)
        gone = self.undo(wanted, say)
        shown = [entry for entry in gone if self._prove_gone(entry, say)]
        return len(shown) == len(wanted)

    def undo(self, entries: Iterable[InPlace], say: Say) -> list[InPlace]:
        """Take these back in this order, without a proof. Every one is tried; those that worked are returned."""
        return [entry for entry in entries if self._undo(entry, say)]

    def lift_due(self, say: Say) -> None:
        """Take back those whose time is over."""
        now = self._clock()
        if due := [entry for entry in self._entries if entry.until is not None and entry.until <= now]:
            self.lift(due, say)

    def _plan(self, asked: Asked, fault: EdgeFault | EachInstance) -> InPlace:
        try:
            records = tuple(self._journal.plan(record) for record in fault.plan(self._stack))
        except WindtunnelError as error:
            if self._entries:
                error.add_note(f"in place already: {self._listed()}")
            raise
        self._count += 1
        entry = InPlace(number=self._count, asked=asked, fault=fault, records=records)
        self._entries = (*self._entries, entry)
        return entry

    def _undo(self, entry: InPlace, say: Say) -> bool:
        entry.state, entry.until = "being lifted", None  # a second attempt is a person's to ask for
        try:
            entry.fault.undo(self._stack)
        except Exception as error:  # whatever it is, the others must be lifted too
            entry.state = "stuck"
            say(f"{entry}: COULD NOT BE LIFTED: {_words(error)}; to try again: windtunnel lift {entry.number}")
            return False
        for record in entry.records:
            self._journal.done(record)
        self._entries = tuple(other for other in self._entries if other is not entry)
        say(f"{entry}: lifted{self._met(entry)}")
        return True

    def _met(self, entry: InPlace) -> str:
        if not isinstance(entry.fault, EdgeFault):
            return ""
        try:
            touched = entry.fault.touched()
        except WindtunnelError:  # a figure of interest, no more
            return ""
        return f"; it had touched {touched} connections or requests" if touched else ""

    def _prove_gone(self, entry: InPlace, say: Say) -> bool:
        try:
            say(f"{entry}: gone: {entry.fault.prove_restored(self._stack)}")
        except Exception as error:  # whatever it is: nothing is shown
            others = f"; still in place: {self._listed()}" if self._entries else ""
            say(f"{entry}: NOT PROVEN TO BE GONE: {_words(error)}{others}")
            return False
        return True

    def _listed(self) -> str:
        return ", ".join(map(str, self._entries))


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, WindtunnelError) else f"{type(error).__name__}: {error}"
