"""One promise, counted: k of n requests over the limit, the figure that a report shows, and what follows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from windtunnel.bounds import lower_bound, upper_bound
from windtunnel.checks.criterion import Criterion
from windtunnel.checks.figures import percent
from windtunnel.checks.generator import from_sending, sent_late
from windtunnel.checks.verdict import Finding, Judgement
from windtunnel.history import Sample


@dataclass(frozen=True, kw_only=True)
class Count:
    """`name` is the promise as reports call it, `value` its figure and `shown` that figure in words."""

    name: str
    rule: Criterion
    value: float
    shown: str
    k: int
    n: int
    of_outcomes: bool
    """Whether it asks what was answered; else how long it took."""
    limit: str = ""
    """The limit in words, where the promise's name does not have it."""

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

    def finding(self, samples: Sequence[Sample]) -> Finding:
        """What was found. A broken latency limit is not believed when it is the generator that was slow."""
        found = Finding(
            expectation=self.name,
            judgement=self.judgement,
            message=f"{self.name}: {self.result}",
            observed=self.value,
            samples=self.n,
        )
        return found if found.judgement != "failed" or self.of_outcomes else self._believed(found, samples)

    def _believed(self, finding: Finding, samples: Sequence[Sample]) -> Finding:
        sent = from_sending(samples)
        if self.rule.judge(sum(map(self.rule.counted, sent)), len(sent)) == "failed":
            return finding
        late = percent(sent_late(samples))
        doubt = (
            f"{finding.message}, but the load generator was late ({late} of requests); from sending on it is not broken"
        )
        return replace(finding, judgement="unknown", message=doubt)

    @property
    def _got(self) -> str:
        counts = f"{self.k} of {self.n}" if self.of_outcomes else f"n={self.n}, {percent(self.k / self.n)} over"
        return f"got {self.shown} ({counts}){f', limit {self.limit}' if self.limit else ''}"
