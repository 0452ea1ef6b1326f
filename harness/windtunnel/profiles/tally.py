"""What a profile's promises look like while it still runs: counted as the samples come, so that a look costs nothing.

A stage is hopeless once it would fail even if every request that is still to come were good. Going on would only cost
time, and the verdict would be the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from operator import attrgetter
from typing import Final

from windtunnel.checks.degradation import Documented
from windtunnel.checks.figures import percent, quantile
from windtunnel.checks.windows import in_scope
from windtunnel.history import Sample
from windtunnel.profiles.criteria import Question, question
from windtunnel.profiles.model import Profile, Stage

ENOUGH: Final = 30
"""Samples of a promise before anything is called hopeless."""
MARGIN: Final = 4.0
"""Standard deviations by which more arrivals may come than are expected: one stage in thirty thousand."""
RECENT: Final = 1.0
"""Seconds that the live figure looks back."""


@dataclass
class _Count:
    asked: Question
    k: int = 0
    n: int = 0


class Tally:
    """Fed with samples in whatever order they come. Not for several threads."""

    def __init__(self, profile: Profile, began: float, allowed: Documented) -> None:
        self._profile = profile
        self._begins = list(accumulate((stage.duration for stage in profile.stages), initial=began))
        self._seen = [0] * len(profile.stages)
        self._counts = [_counts(profile, stage, allowed) for stage in profile.stages]
        self._recent: deque[Sample] = deque()

    def add(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            index = min(max(bisect_right(self._begins, sample.due) - 1, 0), len(self._seen) - 1)
            self._seen[index] += 1
            for count in self._counts[index]:
                if in_scope(sample, count.asked.promise.scope):
                    count.n += 1
                    # A number of requests needs none to be counted: its rule is the same for every n.
                    count.k += count.asked.rule(1).counted(sample)
        self._recent.extend(samples)

    def p95(self, now: float) -> float | None:
        """Of the answers of about the last second, in seconds; None without any."""
        while self._recent and min(self._recent[0].end, now) < now - RECENT:
            self._recent.popleft()
        latencies = sorted(map(attrgetter("latency"), self._recent))
        return quantile(latencies, 0.05) if latencies else None

    def hopeless(self, index: int, now: float) -> str | None:
        """Why this stage fails whatever comes; None while it can still hold."""
        rest = self._rest(index, now)
        for count in self._counts[index]:
            if count.n < ENOUGH:
                continue
            left = rest * min(1.0, 1.5 * count.n / self._seen[index])
            whole = count.n + int(left)
            if count.asked.rule(whole).judge(count.k, whole) == "failed":
                return (
                    f"{count.asked.name} cannot be met any more: {count.k} of {count.n} are over already "
                    f"({percent(count.k / count.n)}), and about {left:.0f} are still to come"
                )
        return None

    def _rest(self, index: int, now: float) -> float:
        """Requests that the stage can still bring, with some to spare."""
        stage, begin = self._profile.stages[index], self._begins[index]
        elapsed = min(max(now - begin, 0.0), stage.duration)
        so_far = elapsed * stage.start + (stage.end - stage.start) * elapsed * elapsed / (2 * stage.duration)
        whole = stage.expected + MARGIN * sqrt(stage.expected)
        each = max(1.0, self._seen[index] / so_far) if so_far else 1.0
        return max(0.0, whole * each - self._seen[index])


def _counts(profile: Profile, stage: Stage, allowed: Documented) -> list[_Count]:
    faulted = profile.faults is not None and profile.faults.during == stage.name
    objectives = [profile.objectives[name] for name in stage.slo]
    return [
        _Count(question(stage, objective, promise, allowed, faulted=faulted))
        for objective in objectives
        for promise in objective.promises
    ]
