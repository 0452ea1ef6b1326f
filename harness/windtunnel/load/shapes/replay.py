"""Arrivals as they once were: replayed from a file of timestamps."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Final, Literal

from windtunnel.errors import BadInputError

WINDOW: Final = 1.0
"""Seconds around a moment over which its rate is counted."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Arrivals `times` seconds after the beginning, in order, from 0 on. `speed` 2 replays them twice as fast."""

    times: tuple[float, ...]
    speed: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", tuple(self.times))
        if not self.times:
            raise ValueError("there is nothing to replay; give one time or more")
        if not self.speed > 0:
            raise ValueError(f"speed is {self.speed:g}; it must be above 0")
        if (wrong := _first_wrong(self.times)) is not None:
            raise ValueError(f"times[{wrong}] is {self.times[wrong]:g}; times are 0 or more and never go back")

    @property
    def arrival(self) -> Literal["recorded"]:
        """Never by chance."""
        return "recorded"

    @property
    def duration(self) -> float:
        """Seconds up to the last arrival."""
        return self.times[-1] / self.speed

    @property
    def count(self) -> float:
        """As `Shape.count`: a whole number here."""
        return float(len(self.times))

    def count_by(self, t: float) -> float:
        """As `Shape.count_by`: those before `t`."""
        return float(bisect_left(self.times, t * self.speed))

    def time_of(self, x: float) -> float:
        """As `Shape.time_of`: when the arrival of that number is due."""
        return self.times[int(x)] / self.speed

    def rate_at(self, t: float) -> float:
        """As `Shape.rate_at`: counted over the second around `t`."""
        return (self.count_by(t + WINDOW / 2) - self.count_by(t - WINDOW / 2)) / WINDOW


def read_times(path: Path) -> tuple[float, ...]:
    """Times for `Replay` from a text file: seconds, one number a line, such as 1700000000.125; never going back.

    The first is taken as the beginning, so Unix times can be used as they are. Empty lines, and what follows a `#`, do
    not count. Raises `BadInputError` with file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"times to replay cannot be read: {error}", path=path) from error
    times: list[float] = []
    for number, line in enumerate(lines, start=1):
        if text := line.partition("#")[0].strip():
            time = _seconds(text, path, number)
            if times and time < times[-1]:
                what = f"{text} is before the time above it, {times[-1]!r}; sort the file by time (sort -g)"
                raise BadInputError(what, path=path, line=number)
            times.append(time)
    if not times:
        raise BadInputError("no times to replay; write one number of seconds a line", path=path)
    return tuple(time - times[0] for time in times)


def _seconds(text: str, path: Path, line: int) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = float("nan")
    if not isfinite(seconds):
        what = f"{text!r} is not a time; write seconds as one number, such as 1700000000.125"
        raise BadInputError(what, path=path, line=line)
    return seconds


def _first_wrong(times: Sequence[float]) -> int | None:
    """The first that is negative, not finite, or before the one in front of it."""
    before = 0.0
    for index, time in enumerate(times):
        if not (isfinite(time) and time >= before):
            return index
        before = time
    return None
