"""What the harness tells the load generator, and what comes back. Both sides import this; neither imports the other.

The generator is a process of its own (gevent's patches stay out of pytest). They talk over one socket pair in JSON
lines: commands down, samples and reports up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from windtunnel.load.schedule import Schedule
from windtunnel.load.shapes import Constant, Shape
from windtunnel.spec.model import MixEntry


@dataclass(frozen=True, kw_only=True)
class LoadPlan:
    """One run of load: a `rate`, which goes on until it is told to stop, so that phases can be extended; or `stages`.

    Raises ValueError when it has both or neither, or stages that cannot be.
    """

    scenarios: Path
    """A Python file; each scenario is a function of that name that takes a `Client`."""
    mix: tuple[MixEntry, ...]
    rate: float = 0.0
    """Scenario arrivals per second."""
    arrival: Literal["constant", "poisson"] = "poisson"
    """How arrivals of the `rate` are placed; a stage has an `arrival` of its own."""
    timeout: float
    """Seconds that a request may take, from being sent."""
    seed: int
    targets: Mapping[str, str]
    """Service name -> base URL of the client's edge to it: `{"orders": "http://127.0.0.1:23456"}`."""
    stages: tuple[Shape, ...] = ()
    """Shapes that follow one another (see `windtunnel.load.shapes`); after the last no more arrivals are due."""

    def __post_init__(self) -> None:
        if bool(self.rate) == bool(self.stages):
            raise ValueError("a plan of load has either a rate or stages")
        Schedule(self.shapes)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The stages, also of a plan that has only a rate."""
        return self.stages or (Constant(rate=self.rate, arrival=self.arrival),)

    @property
    def schedule(self) -> Schedule:
        """When arrivals are due: its duration, expected counts and rates."""
        return Schedule(self.shapes)
