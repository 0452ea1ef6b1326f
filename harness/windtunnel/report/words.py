"""How the figures of `summary.json` are written for a person: the same in the page, the terminal and the comment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from windtunnel.checks.figures import percent
from windtunnel.report.schema import ExperimentSummary, RecoverySummary

VERDICTS_WORST_FIRST: Final = ("FAIL", "ERROR", "XFAIL", "SKIP", "PASS")
NONE: Final = "\u2013"


def share(value: float | None) -> str:
    """`53.6%`; a dash where there is no figure."""
    return NONE if value is None else percent(value)


def milliseconds(value: float | None) -> str:
    """`640 ms`, `5.0 s` from ten seconds on."""
    if value is None:
        return NONE
    if value >= 10_000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 9.95 else f"{value:.1f} ms"


def duration(figure: RecoverySummary | None) -> str:
    """`2.0 s`; `> 15.0 s` when recovery was not seen."""
    if figure is None or figure["seconds"] is None:
        return NONE
    return f"> {figure['seconds']:.1f} s" if figure["censored"] else f"{figure['seconds']:.1f} s"


def fault_errors(entry: ExperimentSummary) -> float | None:
    """The share of requests under fault that were not answered ok; None without any."""
    window = entry["windows"].get("fault")
    return window["error_rate"] if window else None


def moment(unix: float | None) -> str:
    """`2026-11-21 09:29 UTC`."""
    return NONE if unix is None else f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M} UTC"


def span(seconds: float | None) -> str:
    """`3 min 12 s`."""
    if seconds is None:
        return NONE
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def number(count: int, noun: str) -> str:
    """`1 promise`, `2 promises`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
