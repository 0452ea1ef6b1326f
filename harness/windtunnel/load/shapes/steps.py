"""A rate that changes in equal steps, each held for the same time: the way to look for a capacity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

from windtunnel.load.shapes.base import RateArrival, check_duration, check_rate
from windtunnel.load.shapes.pieces import Piece, PiecewiseLinear


@dataclass(frozen=True, kw_only=True)
class Steps(PiecewiseLinear):
    """`steps` rates from `start` to `end`, both included, within `duration` seconds in all."""

    start: float
    end: float
    steps: int
    duration: float
    arrival: RateArrival = "poisson"

    def __post_init__(self) -> None:
        check_rate("start", self.start)
        check_rate("end", self.end)
        check_duration("duration", self.duration)
        if self.steps < 2 or not isfinite(self.duration):
            raise ValueError(f"{self.steps} steps within {self.duration:g} s; there must be 2 or more, and an end")

    @property
    def rates(self) -> tuple[float, ...]:
        """Arrivals per second of each step."""
        # The end itself, not what rounding makes of it.
        return (*(self.start + (self.end - self.start) * k / (self.steps - 1) for k in range(self.steps - 1)), self.end)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        return tuple(Piece(rate, rate, self.duration / self.steps) for rate in self.rates)
