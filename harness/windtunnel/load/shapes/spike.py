"""A rate that jumps up for a while and falls back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

from windtunnel.load.shapes.base import RateArrival, check_duration, check_rate
from windtunnel.load.shapes.pieces import Piece, PiecewiseLinear


@dataclass(frozen=True, kw_only=True)
class Spike(PiecewiseLinear):
    """`base` arrivals per second for `duration` seconds, but `peak` from second `at` on, for `lasting` seconds.

    `rise`: seconds that the way up takes, and the way down; both lie within `lasting`.
    """

    base: float
    peak: float
    duration: float
    at: float
    lasting: float
    rise: float = 0.0
    arrival: RateArrival = "poisson"

    def __post_init__(self) -> None:
        check_rate("base", self.base)
        check_rate("peak", self.peak)
        check_duration("duration", self.duration)
        check_duration("lasting", self.lasting)
        if not (isfinite(self.duration) and self.at >= 0 and self.at + self.lasting <= self.duration):
            raise ValueError(
                f"a spike from {self.at:g} s to {self.at + self.lasting:g} s does not fit into {self.duration:g} s"
            )
        if not 0 <= 2 * self.rise <= self.lasting:
            raise ValueError(f"rise is {self.rise:g} s; up and down must fit into the spike's {self.lasting:g} s")

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        all_of_them = (
            Piece(self.base, self.base, self.at),
            Piece(self.base, self.peak, self.rise),
            Piece(self.peak, self.peak, self.lasting - 2 * self.rise),
            Piece(self.peak, self.base, self.rise),
            Piece(self.base, self.base, self.duration - self.at - self.lasting),
        )
        return tuple(piece for piece in all_of_them if piece.duration > 0)
