"""Judges what must be true whatever broke: every invariant that the spec names was evaluated, and not violated."""

from __future__ import annotations

from typing import Protocol

from windtunnel.checks.verdict import Finding
from windtunnel.history import History, InvariantEvent


class Named(Protocol):
    """What names invariants: a spec, a load profile."""

    @property
    def invariants(self) -> tuple[str, ...]: ...


def judge(history: History, spec: Named) -> list[Finding]:
    """One finding for each invariant of the spec, from its last evaluation."""
    last = {event.invariant: event for event in history.events if isinstance(event, InvariantEvent)}
    return [_judge_one(name, last.get(name)) for name in spec.invariants]


def _judge_one(invariant: str, event: InvariantEvent | None) -> Finding:
    says = f"invariant {invariant}:"
    if event is None:
        return Finding(expectation=invariant, judgement="unknown", message=f"{says} was never evaluated")
    if event.error is not None:
        return Finding(
            expectation=invariant, judgement="unknown", message=f"{says} could not be evaluated: {event.error}"
        )
    if not event.violations:
        return Finding(expectation=invariant, judgement="passed", message=f"{says} holds", observed=0.0)
    count = len(event.violations)
    more = f" (and {count - 1} more)" if count > 1 else ""
    first = " ".join(event.violations[0].split())
    return Finding(
        expectation=invariant, judgement="failed", message=f"{says} {first}{more}", observed=float(count), samples=count
    )
