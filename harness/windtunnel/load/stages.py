"""Stages as one writes them on a command line: `50/s 30s, 50/s-200/s 1m, 200/s 30s constant`."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Final

from windtunnel.load.shapes import Constant, Ramp, Replay, Shape, read_times
from windtunnel.load.shapes.base import RateArrival
from windtunnel.units import parse_duration, parse_rate

FORMS: Final = "50/s 30s, 50/s-200/s 1m, 200/s 30s constant, or replay FILE"


def parse_stages(text: str) -> tuple[Shape, ...]:
    """Stages, parted by commas: `RATE DURATION`, `RATE-RATE DURATION`, each perhaps with `constant`; or `replay FILE`.

    Arrivals are Poisson unless `constant` is said. The last stage needs no duration: it goes on until it is stopped.
    Raises ValueError of one clear line, `BadInputError` for a file that cannot be replayed.
    """
    return tuple(_stage(part.split(), part.strip()) for part in text.split(","))


def _stage(words: list[str], part: str) -> Shape:
    match words:
        case ["replay", path]:
            return Replay(times=read_times(Path(path)))
        case [*most, "constant"]:
            return _rated(most, part, "constant")
        case [*most, "poisson"]:
            return _rated(most, part, "poisson")
    return _rated(words, part, "poisson")


def _rated(words: list[str], part: str, arrival: RateArrival) -> Shape:
    try:
        match words:
            case [rate]:
                return Constant(rate=parse_rate(rate), duration=inf, arrival=arrival)
            case [rates, duration] if "-" in rates:
                start, _, end = rates.partition("-")
                span = parse_duration(duration)
                return Ramp(start=parse_rate(start), end=parse_rate(end), duration=span, arrival=arrival)
            case [rate, duration]:
                return Constant(rate=parse_rate(rate), duration=parse_duration(duration), arrival=arrival)
    except ValueError as error:
        raise ValueError(f"{part!r}: {error}") from error
    raise ValueError(f"{part!r} is no stage of load; write for instance {FORMS}")
