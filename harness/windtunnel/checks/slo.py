"""Judges the promises about each window: k of n requests over the limit, with exact confidence bounds.

PASS when the upper bound of the true share is within what is allowed, FAIL when the lower bound is not, unknown in
between. `errors`, `undocumented` and `max` are judged exactly. Latency counts from the due time to the end, also of a
request that failed fast or got no answer; whether it failed is the business of `error_rate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from windtunnel.checks.count import Count
from windtunnel.checks.criterion import OUTCOMES, Criterion, criterion, observed
from windtunnel.checks.degradation import Documented, documented
from windtunnel.checks.figures import spell
from windtunnel.checks.recovery import recovered_since
from windtunnel.checks.verdict import Finding
from windtunnel.checks.windows import Spans, first_offset, select, spans
from windtunnel.history import History, Sample
from windtunnel.spec.model import Expectation, Spec, Window


def judge(history: History, spec: Spec) -> list[Finding]:
    """One finding for each SLO of the spec, in its order."""
    of = spans(history, first_at=first_offset(spec), recovered_since=recovered_since(history, spec))
    return [weigh(expectation, history, of).finding for expectation in spec.slo]


def judge_window(history: History, spec: Spec, window: Window) -> list[Finding]:
    """The findings about one window, also while the experiment still runs."""
    return [weighed.finding for weighed in _weigh_window(history, spec, window)]


@dataclass(frozen=True, kw_only=True)
class Undecided:
    """An SLO that more samples could decide."""

    message: str
    lacking: float
    """How many more, as a share of those that there are: 0.1 is a tenth more, 1.0 is as many again (or: unknown)."""


def undecided(history: History, spec: Spec, window: Window) -> list[Undecided]:
    """Why, and by how much, this window should last longer."""
    return [
        Undecided(message=weighed.finding.message, lacking=weighed.lacking)
        for weighed in _weigh_window(history, spec, window)
        if weighed.lacking
    ]


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A finding, and how many more samples (as a share of those that there are) could settle it; 0.0: none would."""

    finding: Finding
    lacking: float = 0.0


def _weigh_window(history: History, spec: Spec, window: Window) -> list[Weighed]:
    since = recovered_since(history, spec) if window == "recovered" else None
    of = spans(history, first_at=first_offset(spec), recovered_since=since)
    return [weigh(expectation, history, of) for expectation in spec.slo if expectation.window == window]


def weigh(expectation: Expectation, history: History, of: Spans) -> Weighed:
    """Judge one expectation."""
    if expectation.window not in of.windows:
        return _unknown(expectation, f"the {expectation.window} window was never reached")
    samples = select(history.samples, of, expectation.window, expectation.scope)
    if not samples:
        return _unknown(expectation, "no samples", lacking=1.0)
    allowed = documented(history)
    try:
        limit = expectation.limit.resolve(_baseline_figure(expectation, history, of, allowed))
    except ValueError as error:
        return _unknown(expectation, str(error))
    return _weigh(expectation, criterion(expectation, limit, allowed), samples, allowed, limit)


def _baseline_figure(expectation: Expectation, history: History, of: Spans, allowed: Documented) -> float | None:
    samples = select(history.samples, of, "baseline", expectation.scope)
    if expectation.window == "baseline" or not samples:
        return None
    return observed(expectation.metric, samples, allowed, excused=False)


def _weigh(
    expectation: Expectation, rule: Criterion, samples: Sequence[Sample], allowed: Documented, limit: float
) -> Weighed:
    value = observed(expectation.metric, samples, allowed, excused=expectation.window == "fault")
    count = Count(
        name=expectation.name,
        rule=rule,
        value=value,
        shown=spell(expectation.metric, value),
        k=sum(map(rule.counted, samples)),
        n=len(samples),
        of_outcomes=expectation.metric in OUTCOMES,
        limit=spell(expectation.metric, limit) if expectation.limit.value is None else "",
    )
    return Weighed(finding=count.finding(samples), lacking=count.lacking)


def _unknown(expectation: Expectation, why: str, *, lacking: float = 0.0) -> Weighed:
    finding = Finding(
        expectation=expectation.name, judgement="unknown", message=f"{expectation.name}: {why}", samples=0
    )
    return Weighed(finding=finding, lacking=lacking)
