"""How the rate of arrivals changes: one shape a file. A plan's `stages` are shapes that follow one another.

    LoadPlan(..., stages=(
        Constant(rate=50.0, duration=30.0),                                  # Poisson arrivals unless said otherwise
        Ramp(start=50.0, end=200.0, duration=60.0, arrival="constant"),
        Steps(start=50.0, end=500.0, steps=10, duration=100.0),
        Spike(base=50.0, peak=1000.0, duration=30.0, at=10.0, lasting=5.0),
        Replay(times=read_times(Path("arrivals.txt"))),
    ))

Rates are arrivals per second, durations and times are seconds. Impossible numbers are a ValueError of one clear line.
Every shape is a curve: `count_by(t)` arrivals are expected in its first t seconds, and `time_of(x)` is that curve's
exact inverse. Arrivals stand where the curve passes 0, 1, 2, ... (`arrival="constant"`) or the sums of exponential
gaps of mean 1 (`"poisson"`: a Poisson process whose rate follows the curve, by inversion of the cumulative rate;
Cinlar, Introduction to Stochastic Processes, 1975). No rounded gaps are added up, so nothing drifts. `rate_at(t)` is
for pictures.

`windtunnel.load.schedule.Schedule` strings shapes together; `SHAPES` has them by their names in files.
"""

from collections.abc import Mapping
from typing import Final

from windtunnel.load.shapes.base import Placing, RateArrival, Shape
from windtunnel.load.shapes.constant import Constant
from windtunnel.load.shapes.ramp import Ramp
from windtunnel.load.shapes.replay import Replay, read_times
from windtunnel.load.shapes.spike import Spike
from windtunnel.load.shapes.steps import Steps

SHAPES: Final[Mapping[str, type[Constant | Ramp | Replay | Spike | Steps]]] = {
    "constant": Constant,
    "ramp": Ramp,
    "replay": Replay,
    "spike": Spike,
    "steps": Steps,
}

__all__ = ["SHAPES", "Constant", "Placing", "Ramp", "RateArrival", "Replay", "Shape", "Spike", "Steps", "read_times"]
