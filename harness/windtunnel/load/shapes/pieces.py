"""A curve made of stretches whose rate changes linearly; its integral and the exact inverse of that."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import sqrt


@dataclass(frozen=True)
class Piece:
    """The rate goes from `start` to `end`, arrivals per second, within `duration` seconds."""

    start: float
    end: float
    duration: float

    @property
    def slope(self) -> float:
        return (self.end - self.start) / self.duration

    @property
    def count(self) -> float:
        return (self.start + self.end) / 2 * self.duration if self.start or self.end else 0.0

    def count_by(self, t: float) -> float:
        return t * (self.start + self.slope * t / 2)

    def time_of(self, x: float) -> float:
        """The root of count_by(t) = x in the form that loses no digits when the slope is small."""
        if x <= 0:
            return 0.0
        root = sqrt(max(0.0, self.start * self.start + 2 * self.slope * x))
        return min(2 * x / (self.start + root), self.duration)


class PiecewiseLinear:
    """The part of a shape that follows from its pieces alone. A subclass gives `pieces`."""

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """In order of time; at least one."""
        raise NotImplementedError

    @cached_property
    def _begins(self) -> list[float]:
        return [0.0, *accumulate(piece.duration for piece in self.pieces)]

    @cached_property
    def _counts(self) -> list[float]:
        return [0.0, *accumulate(piece.count for piece in self.pieces)]

    @property
    def count(self) -> float:
        """As `Shape.count`."""
        return self._counts[-1]

    def count_by(self, t: float) -> float:
        """As `Shape.count_by`."""
        if t >= self._begins[-1]:
            return self.count
        index = self._piece_at(t)
        return self._counts[index] + self.pieces[index].count_by(max(t, 0.0) - self._begins[index])

    def time_of(self, x: float) -> float:
        """As `Shape.time_of`."""
        index = min(bisect_right(self._counts, x), len(self.pieces)) - 1
        return self._begins[index] + self.pieces[index].time_of(x - self._counts[index])

    def rate_at(self, t: float) -> float:
        """As `Shape.rate_at`; 0 outside of the shape."""
        if not 0 <= t < self._begins[-1]:
            return 0.0
        index = self._piece_at(t)
        return self.pieces[index].start + self.pieces[index].slope * (t - self._begins[index])

    def _piece_at(self, t: float) -> int:
        return max(min(bisect_right(self._begins, t), len(self.pieces)) - 1, 0)
