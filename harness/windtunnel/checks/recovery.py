r"""When the system was itself again after the fault was removed, and whether that was soon enough.

Recovery is reached at the start of the first *stretch* (100 requests and one second at least) that meets `until`, and
after which it holds to the end of the run:

    removal          recovered_at
      |  x x xx x x x|o o o o o o o o o o o x o o o o o o o o o|
                      \_ a stretch _/        one bad request of many is no relapse

It holds when nothing later is a relapse: no stretch that breaks `until` beyond doubt (its confidence bound does), no
gap of more than a second without a request, and everything from there on, taken together, meets `until` too.
A time without requests is unknown, and unknown is not good.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import Final

from windtunnel.checks.criterion import Criterion, criterion, observed
from windtunnel.checks.degradation import documented
from windtunnel.checks.verdict import Finding, Judgement, RecoveryFigure
from windtunnel.checks.windows import in_scope, select, spans
from windtunnel.history import History, Sample
from windtunnel.spec.model import STRETCH_SAMPLES, STRETCH_SECONDS, Expectation, Spec
from windtunnel.units import show_duration

LONGEST_GAP: Final = 1.0
"""Seconds between the due times of two requests."""


def recovered_at(history: History, until: Iterable[Expectation], removal: float) -> float | None:
    """When recovery was reached, or None when it has not been, so far. Raises ValueError for an unknown metric.

    Linear in the samples since the removal, so that a runner can ask while the experiment runs.
    """
    samples = history.samples[bisect_left(history.samples, removal, key=attrgetter("due")) :]
    tallies = [_tally(expectation, history, samples) for expectation in until]
    dues = [sample.due for sample in samples]
    ends = _stretch_ends(dues)
    first = max((i + 1 for i, (a, b) in enumerate(pairwise(dues)) if b - a > LONGEST_GAP), default=0)
    for i in reversed(range(first, len(ends))):
        if any(tally.relapsed(i, ends[i]) for tally in tallies):
            first = i + 1
            break
    for i in range(first, len(ends)):
        if all(tally.met(i, ends[i]) and tally.held(i) for tally in tallies):
            return dues[i]
    return None


def recovered_since(history: History, spec: Spec) -> float | None:
    """The same for a spec, from the removal in its history; None without a recovery clause or a removal."""
    removal = removal_of(history)
    if spec.recovery is None or removal is None:
        return None
    return recovered_at(history, spec.recovery.until, removal)


def removal_of(history: History) -> float | None:
    """When the last removal was acknowledged."""
    span = history.fault_span()
    return span[1] if span and span[1] != float("inf") else None


def judge_recovery(history: History, spec: Spec) -> tuple[Finding, RecoveryFigure | None] | None:
    """The finding about recovery and its figure; None when the spec promises nothing about it."""
    if spec.recovery is None:
        return None
    within, removal = spec.recovery.within, removal_of(history)
    name = f"recovery within {show_duration(within)}"
    if removal is None:
        return _finding(name, "unknown", "the fault was never removed"), None
    since = recovered_at(history, spec.recovery.until, removal)
    if since is None:
        return _not_recovered(name, within, history, removal)
    seconds = since - removal
    figure = RecoveryFigure(seconds=seconds, censored=False, limit=within)
    judged = Finding(
        expectation=name,
        judgement="passed" if seconds <= within else "failed",
        message=f"{name}: got {seconds:.1f}s",
        observed=seconds,
    )
    return judged, figure


def _not_recovered(name: str, within: float, history: History, removal: float) -> tuple[Finding, RecoveryFigure | None]:
    """Broken when it was watched for long enough; else nobody knows."""
    watched = max((sample.due for sample in history.samples), default=removal) - removal
    if watched <= 0:
        return _finding(name, "unknown", "no samples after the removal"), None
    figure = RecoveryFigure(seconds=watched, censored=True, limit=within)
    if watched < within:
        return _finding(name, "unknown", f"inconclusive: not recovered, but watched for {watched:.1f}s only"), figure
    return _finding(name, "failed", f"> {watched:.1f}s (censored)"), figure


def _finding(name: str, judgement: Judgement, result: str) -> Finding:
    return Finding(expectation=name, judgement=judgement, message=f"{name}: {result}")


@dataclass(frozen=True, kw_only=True)
class _Tally:
    """Running totals of one expectation, so that any stretch is judged by two subtractions."""

    rule: Criterion
    counted: Sequence[int]
    total: Sequence[int]

    def _of(self, start: int, end: int) -> tuple[int, int]:
        return self.counted[end] - self.counted[start], self.total[end] - self.total[start]

    def met(self, start: int, end: int) -> bool:
        k, n = self._of(start, end)
        return n > 0 and self.rule.meets(k, n)

    def relapsed(self, start: int, end: int) -> bool:
        k, n = self._of(start, end)
        return n == 0 or (not self.rule.meets(k, n) and self.rule.judge(k, n) == "failed")

    def held(self, start: int) -> bool:
        # A number allowed per stretch says nothing about the sum of many stretches.
        return self.rule.exact or self.met(start, len(self.total) - 1)


def _tally(expectation: Expectation, history: History, samples: Sequence[Sample]) -> _Tally:
    allowed = documented(history)
    before = (
        select(history.samples, spans(history), "baseline", expectation.scope)
        if expectation.limit.value is None
        else []
    )
    baseline = observed(expectation.metric, before, allowed, excused=False) if before else None
    rule = criterion(expectation, expectation.limit.resolve(baseline), allowed)
    inside = [in_scope(sample, expectation.scope) for sample in samples]
    hits = (own and rule.counted(sample) for own, sample in zip(inside, samples, strict=True))
    return _Tally(
        rule=rule,
        counted=list(accumulate(map(int, hits), initial=0)),
        total=list(accumulate(map(int, inside), initial=0)),
    )


def _stretch_ends(dues: Sequence[float]) -> list[int]:
    """For each sample that a whole stretch begins at, the index behind that stretch's last sample."""
    ends, end = [], 0
    for start, due in enumerate(dues):
        end = max(end, start + STRETCH_SAMPLES)
        while end <= len(dues) and dues[end - 1] - due < STRETCH_SECONDS:
            end += 1
        if end > len(dues):
            break
        ends.append(end)
    return ends
