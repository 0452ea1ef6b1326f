"""What every shape can do, and the two rules that all of them check their numbers by."""

from __future__ import annotations

from math import isfinite
from typing import Literal, Protocol

RateArrival = Literal["constant", "poisson"]
"""`constant`: evenly along the curve. `poisson`: by chance, with the curve as their mean."""
Placing = RateArrival | Literal["recorded"]
"""`recorded`: exactly as they once were."""


class Shape(Protocol):
    """A stretch of load. All times count from its beginning."""

    @property
    def arrival(self) -> Placing:
        """How arrivals are placed on the curve."""

    @property
    def duration(self) -> float:
        """Seconds; infinite for a load that goes on until it is stopped."""

    @property
    def count(self) -> float:
        """Arrivals expected in all: the curve's end."""

    def count_by(self, t: float) -> float:
        """Arrivals expected in the first `t` seconds."""

    def time_of(self, x: float) -> float:
        """The inverse: seconds after which `x` arrivals are expected. For 0 <= x < count."""

    def rate_at(self, t: float) -> float:
        """Arrivals per second at that moment."""


def check_duration(what: str, seconds: float, *, least: float = 0.0) -> None:
    """Raises ValueError unless it is more than `least`."""
    if not seconds > least:
        raise ValueError(f"{what} is {seconds:g} s; it must be longer than {least:g} s")


def check_rate(what: str, rate: float) -> None:
    """Raises ValueError unless it is a rate that a generator can have."""
    if not (isfinite(rate) and rate >= 0):
        raise ValueError(f"{what} is {rate:g}/s; it must be a number of arrivals per second, 0 or more")
