"""One rate throughout."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

from windtunnel.load.shapes.base import RateArrival, check_duration, check_rate
from windtunnel.load.shapes.pieces import Piece, PiecewiseLinear


@dataclass(frozen=True, kw_only=True)
class Constant(PiecewiseLinear):
    """`rate` arrivals per second for `duration` seconds; without a duration, until the load is stopped."""

    rate: float
    duration: float = inf
    arrival: RateArrival = "poisson"

    def __post_init__(self) -> None:
        check_rate("rate", self.rate)
        check_duration("duration", self.duration)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        return (Piece(self.rate, self.rate, self.duration),)
