"""What the timeline shows, before anything is drawn: requests by mark, times from the first injection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from windtunnel.checks.degradation import documented, is_degraded
from windtunnel.checks.verdict import Verdict
from windtunnel.errors import SpecError
from windtunnel.history import History, Sample
from windtunnel.spec import spec_from_plain
from windtunnel.spec.model import Spec


@dataclass(frozen=True, kw_only=True, eq=False)
class Mark:
    """How one kind of request is drawn. There are the four below, and each is only equal to itself."""

    label: str
    colour: str
    shape: str
    size: float
    layer: int


OK: Final = Mark(label="ok", colour="#0072B2", shape="o", size=9, layer=3)
DEGRADED: Final = Mark(label="degraded as documented", colour="#E69F00", shape="^", size=24, layer=4)
LOST: Final = Mark(label="answer lost", colour="#7A3E9D", shape="D", size=20, layer=5)
FAILED: Final = Mark(label="failed", colour="#D55E00", shape="x", size=30, layer=6)
MARKS: Final = (OK, DEGRADED, LOST, FAILED)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A history in the picture's own time: second 0 is the first injection."""

    history: History
    verdict: Verdict
    spec: Spec | None
    zero: float
    kinds: dict[Mark, list[Sample]]
    first: float
    last: float

    @classmethod
    def of(cls, history: History, verdict: Verdict) -> Scene:
        """Sort the requests and find the times."""
        span = history.fault_span()
        began = min((e.t for e in history.events), default=0.0)
        zero = span[0] if span else history.phase_start("baseline") or began
        dues = [sample.due for sample in history.samples] or [began, began + 1]
        allowed = documented(history)
        kinds: dict[Mark, list[Sample]] = {mark: [] for mark in MARKS}
        for sample in history.samples:
            kinds[_mark(sample, is_degraded(sample, allowed))].append(sample)
        ends = [span[1]] if span and span[1] != float("inf") else []
        return cls(
            history=history,
            verdict=verdict,
            spec=_spec(history),
            zero=zero,
            kinds=kinds,
            first=min(dues) - zero,
            last=max([*dues, *ends, min(dues) + 1.0]) - zero,
        )

    def phase(self, name: str) -> float | None:
        """When a phase began."""
        start = self.history.phase_start(name)
        return None if start is None else start - self.zero

    @property
    def fault(self) -> tuple[float, float] | None:
        """From the first injection to the last removal, or to the last request when there was none."""
        span = self.history.fault_span()
        return (span[0] - self.zero, min(span[1] - self.zero, self.last)) if span else None

    @property
    def recovered(self) -> float | None:
        """When recovery was reached."""
        figure = self.verdict.recovery
        if self.fault is None or figure is None or figure.seconds is None or figure.censored:
            return None
        return self.fault[1] + figure.seconds


def _mark(sample: Sample, degraded: bool) -> Mark:
    if degraded:
        return DEGRADED
    return {"ok": OK, "indeterminate": LOST, "failed": FAILED}[sample.outcome]


def _spec(history: History) -> Spec | None:
    """None when the header holds none that can be read: the picture then shows no limits."""
    try:
        return spec_from_plain(history.header.spec)
    except SpecError:
        return None
