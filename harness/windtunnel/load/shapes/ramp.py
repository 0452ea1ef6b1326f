"""A rate that rises or falls evenly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

from windtunnel.load.shapes.base import RateArrival, check_duration, check_rate
from windtunnel.load.shapes.pieces import Piece, PiecewiseLinear


@dataclass(frozen=True, kw_only=True)
class Ramp(PiecewiseLinear):
    """From `start` to `end` arrivals per second within `duration` seconds."""

    start: float
    end: float
    duration: float
    arrival: RateArrival = "poisson"

    def __post_init__(self) -> None:
        check_rate("start", self.start)
        check_rate("end", self.end)
        check_duration("duration", self.duration)
        if not isfinite(self.duration):
            raise ValueError("a ramp without an end reaches nothing; give it a duration")

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        return (Piece(self.start, self.end, self.duration),)
