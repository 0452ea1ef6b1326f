"""Was every fault really there, and is it really gone? What was not shown to be is an error, never a pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from windtunnel.history import FaultEvent, History
from windtunnel.spec.model import FaultStep


class Breaking(Protocol):
    """What has steps that break something: a spec, a load profile."""

    @property
    def method(self) -> tuple[FaultStep, ...]: ...


def doubts(history: History, spec: Breaking) -> list[str]:
    """A line for each step that was not applied, proven, removed and proven restored; empty when all were."""
    events = [event for event in history.events if isinstance(event, FaultEvent)]
    return [line for step in spec.method if (line := _doubt(step, [e for e in events if e.step == step.name]))]


def proven(events: Sequence[FaultEvent]) -> bool:
    """Whether these events of one step show that it bit, and none of them casts doubt on it."""
    whats = {event.what for event in events}
    return "proven" in whats and "unproven" not in whats


def restored(events: Sequence[FaultEvent]) -> bool:
    """Whether the last word of these events of one step is that the fault is gone."""
    words = [event.what for event in events if event.what in ("restored", "unrestored")]
    return words[-1:] == ["restored"]


def _doubt(step: FaultStep, events: Sequence[FaultEvent]) -> str | None:
    what = f"fault {step.name!r} ({step.fault} {', '.join(step.edges) or step.service or ''}".rstrip() + ")"
    whats = {event.what for event in events}
    if "applied" not in whats:
        return f"{what} was never applied"
    if not proven(events):
        return f"{what} was not proven to bite: {_words(events, 'unproven')}"
    if "removed" not in whats:
        return f"{what} was never removed"
    if not restored(events):
        return f"{what} was not proven to be gone: {_words(events, 'unrestored')}"
    return None


def _words(events: Sequence[FaultEvent], what: str) -> str:
    return next((e.proof for e in reversed(events) if e.what == what and e.proof), "nothing shows it")
