"""Quantities as people write them: `150us`, `10s`, `16KB`, `50/s`, `100KB/s`, `1%`.

Every quantity carries its unit. Each function takes the text and raises ValueError with one clear line that says what
would be right. 1 KB is 1000 B, as Toxiproxy counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

_DURATIONS: Mapping[str, Decimal] = {
    "us": Decimal("0.000001"),
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_SIZES: Mapping[str, Decimal] = {"B": Decimal(1), "KB": Decimal(10) ** 3, "MB": Decimal(10) ** 6}
_RATES: Mapping[str, Decimal] = {"/s": Decimal(1), "/min": Decimal(1) / Decimal(60), "/h": Decimal(1) / Decimal(3600)}
_DATA_RATES: Mapping[str, Decimal] = {f"{unit}/s": factor for unit, factor in _SIZES.items()}
_SHARES: Mapping[str, Decimal] = {"%": Decimal("0.01")}
_PERIODS: Mapping[str, Decimal] = {"h": Decimal(3600), "d": Decimal(86_400), "w": Decimal(604_800)}

_NUMBER = re.compile(r"(-?)([0-9]+(?:\.[0-9]+)?)\s*(.*)", re.DOTALL)
_LONGEST = 15
"""Digits of a number before nobody can have meant it."""


def parse_duration(text: str) -> float:
    """Seconds: `150us`, `800ms`, `1.5s`, `2m`, `1h`. Not negative."""
    return float(_quantity(text, _DURATIONS, "a duration", ("s", "ms")))


def parse_period(text: str) -> float:
    """Seconds of a period over which something is counted up: `30d`, `4w`, `12h`. Not negative."""
    return float(_quantity(text, _PERIODS, "a period", ("d", "w")))


def parse_size(text: str) -> int:
    """Bytes: `3000B`, `16KB`, `1MB`. Not negative, and a whole number of bytes."""
    return _whole(text, _quantity(text, _SIZES, "a size", ("B", "KB")), "bytes")


def parse_rate(text: str) -> float:
    """Arrivals per second: `50/s`, `600/min`. Not negative."""
    return float(_quantity(text, _RATES, "a rate", ("/s", "/min")))


def parse_data_rate(text: str) -> int:
    """Bytes per second: `100KB/s`. Not negative, and a whole number of bytes."""
    return _whole(text, _quantity(text, _DATA_RATES, "a data rate", ("KB/s", "MB/s")), "bytes per second")


def parse_share(text: str) -> float:
    """A share: `1%` is 0.01. Not negative; may be above 1, since growth is written in percent too."""
    return float(_quantity(text, _SHARES, "a percentage", ("%",)))


def parse_count(text: str) -> int:
    """A whole number without any unit. Not negative."""
    if not re.fullmatch(rf"[0-9]{{1,{_LONGEST}}}", text.strip()):
        raise ValueError(f"{text!r} is not a count; write a whole number such as 1")
    return int(text)


def parse_status(text: str) -> int:
    """A final HTTP status: `503`. From 200 to 599."""
    if not re.fullmatch(r"[2-5][0-9]{2}", text.strip()):
        raise ValueError(f"{text!r} is not a status of an answer; write one from 200 to 599, such as 503")
    return int(text)


def show_duration(seconds: float) -> str:
    """The shortest way to write it: `10s`, `1500ms`, `150us`."""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds == 0 or round(seconds * factor, 6).is_integer():
            return f"{round(seconds * factor)}{unit}"
    return f"{seconds * 1e6:.3f}".rstrip("0").rstrip(".") + "us"


def show_period(seconds: float) -> str:
    """The shortest way to write a period: `30d`, `12h`."""
    unit, factor = ("d", 86_400.0) if seconds >= 86_400 and seconds % 86_400 == 0 else ("h", 3600.0)
    return f"{seconds / factor:g}{unit}"


def _quantity(text: str, units: Mapping[str, Decimal], kind: str, usual: tuple[str, ...]) -> Decimal:
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not {kind}; write {_examples('10', usual)}")
    sign, number, unit = match.groups()
    if not unit:
        raise ValueError(f"{text!r} has no unit; write {_examples(number[:_LONGEST], usual)}")
    if unit not in units:
        raise ValueError(f"{text!r} is not {kind}: unknown unit {unit!r}; known: {', '.join(units)}")
    if sign:
        raise ValueError(f"{text!r} is negative; write {number}{unit}")
    if len(number.partition(".")[0]) > _LONGEST:
        raise ValueError(f"{text!r} is too large; a number has at most {_LONGEST} digits")
    return Decimal(number) * units[unit]


def _examples(number: str, units: tuple[str, ...]) -> str:
    return " or ".join(f"{number}{unit}" for unit in units)


def _whole(text: str, value: Decimal, unit: str) -> int:
    if value != value.to_integral_value():
        raise ValueError(f"{text!r} is not a whole number of {unit}")
    return int(value)
