"""When arrivals are due over a whole plan: its stages one after another, without a seam."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, count
from math import ceil
from random import Random
from typing import Final

from windtunnel.load.shapes.base import Shape

WHOLE: Final = 1e-6
"""Of an arrival: a stage that expects 3.0000000004 of them means 3."""


class Schedule:
    """The stages as one curve. All times are seconds from the beginning of the first."""

    def __init__(self, stages: Sequence[Shape]) -> None:
        """Raises ValueError when there is no stage, none has arrivals, or one follows a stage without end."""
        if not stages or not any(stage.count for stage in stages):
            raise ValueError("a load without arrivals shows nothing; give it a stage with a rate above 0")
        self.stages = tuple(stages)
        self.begins = (0.0, *accumulate(stage.duration for stage in self.stages))
        """When each stage begins; last, when all are over."""
        if any(begin == float("inf") for begin in self.begins[:-1]):
            raise ValueError("a stage follows one without a duration and would never begin; give that one a duration")

    @property
    def duration(self) -> float:
        """Seconds from the beginning of the first stage to the end of the last."""
        return self.begins[-1]

    @property
    def count(self) -> float:
        """Arrivals expected in all."""
        return sum(stage.count for stage in self.stages)

    def count_by(self, t: float) -> float:
        """Arrivals expected in the first `t` seconds."""
        parts = zip(self.stages, self.begins, strict=False)
        return sum(stage.count_by(t - begin) for stage, begin in parts if t > begin)

    def rate_at(self, t: float) -> float:
        """Arrivals per second that are meant at that moment; 0 outside of the schedule."""
        if not 0 <= t <= self.duration:
            return 0.0
        index = min(bisect_right(self.begins, t), len(self.stages)) - 1
        return self.stages[index].rate_at(t - self.begins[index])

    def offsets(self, seed: int) -> Iterator[float]:
        """When each arrival is due, in order. The same seed gives the same sequence."""
        rng, evenly = Random(seed), 0.0
        for stage, begin in zip(self.stages, self.begins, strict=False):
            match stage.arrival:
                case "poisson":
                    points = _by_chance(stage.count, rng)
                case "recorded":
                    points = _whole(0.0, stage.count)
                case "constant":
                    # Spaced evenly over all such stages together: however many there are, they are one arrival out at
                    # most. A Poisson process has no memory, so it begins anew in every stage.
                    points = _whole(evenly, stage.count)
                    evenly += stage.count
            for point in points:
                yield begin + stage.time_of(point)


def _by_chance(end: float, rng: Random) -> Iterator[float]:
    """A Poisson process of rate 1, up to `end`."""
    gap, point = rng.expovariate, rng.expovariate(1.0)
    while point < end:
        yield point
        point += gap(1.0)


def _whole(before: float, end: float) -> Iterator[float]:
    """The whole numbers from `before` on, as seen from there, up to `end`."""
    first = ceil(before - WHOLE)
    for number in count(first):
        point = number - before
        if point >= end - WHOLE:
            return
        yield max(point, 0.0)
