"""The saga: several steps in several services that end all done, or all undone, whatever dies in between.

    running ──act──> step 0 ──act──> step 1 ... ──act──> done
       │ refused: it had no effect, go back from the step before
       │ unsure:  it may have had one, go back from this step
       ▼          (of a step that holds: neither; ask again until it is known)
    undoing ──undo──> ... ──undo──> undone

Before a step acts, that it is about to is on disk; the same transaction closes the step before it. So after a crash
whoever claims the saga knows which step may have acted, and does it again: every act and undo can be repeated.
A claim is a lease, and each claim has a number: whoever was overtaken can write nothing any more.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from sqlalchemy import Connection

from resilience import trace
from resilience.durable.journal import Journal, Run

Subject = TypeVar("Subject")
Write = Callable[[Connection], None]
"""Changes of the service's own, in the transaction that records the step."""


class Verdict(Enum):
    """What is known about a step that was tried."""

    DONE = "done"
    REFUSED = "refused"
    """Certainly not done."""
    UNSURE = "unsure"


@dataclass(frozen=True)
class Outcome:
    """A verdict, why, and what the service wants recorded with it."""

    verdict: Verdict
    reason: str = ""
    """Why it was refused; handed to whoever is told that the saga turned back."""
    write: Write | None = None


DONE, UNSURE = Outcome(Verdict.DONE), Outcome(Verdict.UNSURE)


@dataclass(frozen=True, kw_only=True)
class Step(Generic[Subject]):
    """One thing in one service. `act` and `undo` can be repeated; `undo` works also when `act` never arrived."""

    name: str
    act: Callable[[Subject, bool], Outcome]
    """Given the subject, and whether this step may have acted before: an earlier try may be under way still."""
    undo: Callable[[Subject], bool] | None = None
    """Returns whether it is undone. None: there is nothing to undo."""
    holds: bool = False
    """The point of no return but by this step's own refusal: what is unsure is asked again until it is known."""
    ready: Callable[[], bool] = lambda: True
    """Whether it is worth trying now."""


class Saga(Generic[Subject]):
    """Drives runs. `turned` and `ended` are written in the transaction that makes them so."""

    def __init__(
        self,
        steps: Sequence[Step[Subject]],
        journal: Journal,
        *,
        ended: Callable[[Subject, Connection], None],
        turned: Callable[[Subject, str, Connection], None],
        rng: random.Random,
    ) -> None:
        self._steps, self._journal, self._rng = steps, journal, rng
        self._ended, self._turned = ended, turned

    def forward(self, run: Run, subject: Subject) -> None:
        """Do the steps that are left, as far as can be now. Returns at once when the claim is lost."""
        while run.state == "running":
            step = self._steps[run.step]
            outcome = step.act(subject, run.again)
            if outcome.verdict is Verdict.DONE:
                if not self._close_step(run, subject, outcome.write):
                    return
            elif outcome.verdict is Verdict.UNSURE and step.holds:
                self._journal.postpone(run, self._rng)
                return
            else:
                self._turn(run, subject, outcome)
                return

    def back(self, run: Run, subject: Subject) -> None:
        """Undo what is left to undo, latest first. Returns at once when the claim is lost."""
        while run.state == "undoing":
            undo = self._steps[run.step].undo
            if undo is not None and not undo(subject):
                self._journal.postpone(run, self._rng)
                return
            state = "undoing" if run.step > 0 else "undone"
            if not self._journal.move(run, state, max(0, run.step - 1)):
                return

    def resume(self, state: str, find: Callable[[str], Subject | None], limit: int = 20) -> bool:
        """Claim what is due in that state and drive it on. Returns whether there may be more."""
        found, skipped = self._journal.due(state, limit), False
        for run in found:
            if not self._steps[run.step].ready():
                skipped = True
                continue
            subject = find(run.id)
            trace.receive(run.carried)
            if subject is not None and self._journal.claim(run):
                (self.forward if state == "running" else self.back)(run, subject)
        return len(found) == limit and not skipped

    def _close_step(self, run: Run, subject: Subject, write: Write | None) -> bool:
        last = run.step + 1 == len(self._steps)

        def also(connection: Connection) -> None:
            if write is not None:
                write(connection)
            if last:
                self._ended(subject, connection)

        return self._journal.move(run, "done" if last else "running", run.step if last else run.step + 1, also)

    def _turn(self, run: Run, subject: Subject, outcome: Outcome) -> None:
        from_step = run.step if outcome.verdict is Verdict.UNSURE else run.step - 1
        needed = any(step.undo is not None for step in self._steps[: from_step + 1])

        def also(connection: Connection) -> None:
            if outcome.write is not None:
                outcome.write(connection)
            self._turned(subject, outcome.reason, connection)

        self._journal.move(run, "undoing" if needed else "undone", max(0, from_step), also)
