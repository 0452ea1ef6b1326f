"""Judges the promises about each window: k of n requests over the limit, with exact confidence bounds.

PASS when the upper bound of the true share is within what is allowed, FAIL when the lower bound is not, unknown in
between. `errors`, `undocumented` and `max` are judged exactly. Latency counts from the due time to the end, also of a
request that failed fast or got no answer; whether it failed is the business of `error_rate`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from windtunnel.bounds import lower_bound, upper_bound
from windtunnel.checks.criterion import OUTCOMES, Criterion, criterion, observed
from windtunnel.checks.degradation import Documented, documented
from windtunnel.checks.figures import percent, spell
from windtunnel.checks.generator import from_sending, sent_late
from windtunnel.checks.recovery import recovered_since
from windtunnel.checks.verdict import Finding, Judgement
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


@dataclass(frozen=True, kw_only=True)
class _Count:
    """One expectation, counted: k of n, the figure that a report shows, and what follows."""

    expectation: Expectation
    rule: Criterion
    limit: float
    value: float
    k: int
    n: int

    @property
    def judgement(self) -> Judgement:
        return self.rule.judge(self.k, self.n)

    @property
    def lacking(self) -> float:
        """The fewest further samples, as a share of n, that settle it if none is over the limit; 1.0 at most."""
        if self.judgement != "unknown" or self.rule.needs is None:
            return 0.0
        more = range(1, self.n)
        settled = bisect_left(more, True, key=lambda m: self.rule.judge(self.k, self.n + m) != "unknown")
        return min(1.0, (settled + 1) / self.n)

    @property
    def result(self) -> str:
        """`got 5004ms (n=601, 14% over)`, and what is missing where it is inconclusive."""
        if self.judgement != "unknown":
            return self._got
        if self.rule.needs is None:
            return f"inconclusive: {self._got}; no sample can decide this, state a count instead"
        if self.n < self.rule.needs:
            return f"inconclusive: {self._got}; needs at least n={self.rule.needs}"
        between = f"{percent(lower_bound(self.k, self.n))} and {percent(upper_bound(self.k, self.n))}"
        return (
            f"inconclusive: {self._got}; the true share lies between {between}, the limit is {percent(self.rule.bound)}"
        )

    @property
    def _got(self) -> str:
        metric = self.expectation.metric
        counts = f"{self.k} of {self.n}" if metric in OUTCOMES else f"n={self.n}, {percent(self.k / self.n)} over"
        limit = f", limit {spell(metric, self.limit)}" if self.expectation.limit.value is None else ""
        return f"got {spell(metric, self.value)} ({counts}){limit}"


def _weigh(
    expectation: Expectation, rule: Criterion, samples: Sequence[Sample], allowed: Documented, limit: float
) -> Weighed:
    count = _Count(
        expectation=expectation,
        rule=rule,
        limit=limit,
        value=observed(expectation.metric, samples, allowed, excused=expectation.window == "fault"),
        k=sum(map(rule.counted, samples)),
        n=len(samples),
    )
    finding = Finding(
        expectation=expectation.name,
        judgement=count.judgement,
        message=f"{expectation.name}: {count.result}",
        observed=count.value,
        samples=count.n,
    )
    if count.judgement == "failed" and expectation.metric not in OUTCOMES:
        return Weighed(finding=_believed(finding, rule, samples))
    return Weighed(finding=finding, lacking=count.lacking)


def _believed(finding: Finding, rule: Criterion, samples: Sequence[Sample]) -> Finding:
    """A broken latency limit, unless it is the generator that was slow."""
    sent = from_sending(samples)
    if rule.judge(sum(map(rule.counted, sent)), len(sent)) == "failed":
        return finding
    late = percent(sent_late(samples))
    doubt = f"{finding.message}, but the load generator was late ({late} of requests); from sending on it is not broken"
    return replace(finding, judgement="unknown", message=doubt)


def _unknown(expectation: Expectation, why: str, *, lacking: float = 0.0) -> Weighed:
    finding = Finding(
        expectation=expectation.name, judgement="unknown", message=f"{expectation.name}: {why}", samples=0
    )
    return Weighed(finding=finding, lacking=lacking)
