"""An expectation as counting: which requests are counted, and what share or number of them is allowed.

p99 < 1500ms        requests of 1500 ms or more       at most a share of 1 %
error_rate < 1%     requests that are not ok          at most a share of 1 %
degraded_rate > 50% requests degraded as documented   at least a share of 50 %
errors <= 1         requests that are not ok          at most one, exactly
max < 2s            requests of 2 s or more           none, exactly
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from windtunnel.bounds import lower_bound, samples_needed, upper_bound
from windtunnel.checks.degradation import Documented, is_degraded
from windtunnel.checks.figures import quantile, share_allowed
from windtunnel.checks.verdict import Judgement
from windtunnel.history import Sample
from windtunnel.spec.model import Expectation

Op = Literal["<", "<=", ">", ">="]
Counted = Callable[[Sample], bool]

COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
OUTCOMES: Final = ("error_rate", "degraded_rate", "undocumented_rate", "errors", "undocumented")
"""Metrics of what was answered; every other one is of how long it took."""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """`counted` requests must be `op bound`: a share of all, or with `exact` a number."""

    counted: Counted
    op: Op
    bound: float
    exact: bool

    def meets(self, k: int, n: int) -> bool:
        """Whether these k of n keep to it, taken as they are."""
        return COMPARE[self.op](k if self.exact else k / n, self.bound)

    def judge(self, k: int, n: int) -> Judgement:
        """Whether the true share keeps to it, with 95 % confidence either way; `unknown` in between."""
        if self.exact:
            return "passed" if self.meets(k, n) else "failed"
        compare, low, high = COMPARE[self.op], lower_bound(k, n), upper_bound(k, n)
        near, far = (low, high) if self.op in ("<", "<=") else (high, low)
        if compare(far, self.bound):
            return "passed"
        return "unknown" if compare(near, self.bound) or near == self.bound else "failed"

    @property
    def needs(self) -> int | None:
        """The fewest samples that can meet it; None when no number can."""
        if self.exact:
            return 1
        rest = self.bound if self.op in ("<", "<=") else 1 - self.bound
        return samples_needed(min(rest, 1.0)) if rest > 0 else None


def criterion(expectation: Expectation, limit: float, allowed: Documented) -> Criterion:
    """The criterion of an expectation whose limit is resolved. Raises ValueError for an unknown metric."""
    metric, op = expectation.metric, expectation.op
    if metric in OUTCOMES:
        counted = _outcome(metric, allowed, excused=expectation.window == "fault")
        return Criterion(counted=counted, op=op, bound=limit, exact=not metric.endswith("_rate"))
    over = _over(op, limit)
    if metric == "max":
        at_most = op in ("<", "<=")
        return Criterion(counted=over, op="<=" if at_most else ">=", bound=0 if at_most else 1, exact=True)
    return Criterion(counted=over, op="<=" if op in ("<", "<=") else ">=", bound=share_allowed(metric), exact=False)


def observed(metric: str, samples: Sequence[Sample], allowed: Documented, *, excused: bool) -> float:
    """The metric's own figure (seconds, share or count). Needs one sample at least."""
    if metric in OUTCOMES:
        count = sum(map(_outcome(metric, allowed, excused=excused), samples))
        return count / len(samples) if metric.endswith("_rate") else count
    over = 0.0 if metric == "max" else share_allowed(metric)
    return quantile(sorted(sample.latency for sample in samples), over)


def _over(op: Op, limit: float) -> Counted:
    """Slower than the limit; a latency at the limit is over it for `<` and `>=` only."""
    beyond = operator.ge if op in ("<", ">=") else operator.gt
    return lambda sample: beyond(sample.latency, limit)


def _outcome(metric: str, allowed: Documented, *, excused: bool) -> Counted:
    """`excused`: the edge is lost in this window, so a documented degradation is no broken promise."""
    if metric in ("error_rate", "errors"):
        return lambda sample: sample.outcome != "ok"
    if metric == "degraded_rate":
        return lambda sample: is_degraded(sample, allowed)
    return lambda sample: sample.outcome != "ok" and not (excused and is_degraded(sample, allowed))
