"""Figures of a set of samples, and how a figure is written for a person."""

from __future__ import annotations

import math
from collections.abc import Sequence

from windtunnel.checks.degradation import Documented, is_degraded
from windtunnel.checks.verdict import WindowFigures
from windtunnel.history import Sample

COUNTS = ("errors", "undocumented")
"""Metrics that are plain numbers of requests."""


def share_allowed(metric: str) -> float:
    """The share of requests that may be over the limit of a percentile: 0.01 for `p99`. Raises ValueError."""
    try:
        percent = float(metric.removeprefix("p")) if metric.startswith("p") else math.nan
    except ValueError:
        percent = math.nan
    if not 0 < percent < 100:
        raise ValueError(f"unknown metric {metric!r}")
    return round(1 - percent / 100, 12)


def quantile(latencies: Sequence[float], over: float) -> float:
    """The smallest value that at most a share `over` of these exceeds (nearest rank). Sorted input, not empty.

    It is below a limit exactly when the share at or over that limit is allowed, so figure and judgement agree.
    """
    allowed = math.floor(over * len(latencies) + 1e-9)
    return latencies[len(latencies) - 1 - allowed]


def figures_of(samples: Sequence[Sample], allowed: Documented) -> WindowFigures:
    """What reports show of a window; `allowed` are the documented degradations."""
    if not samples:
        return WindowFigures(samples=0, error_rate=None, p50=None, p95=None, p99=None)
    latencies = sorted(sample.latency for sample in samples)
    errors = sum(sample.outcome != "ok" for sample in samples)
    p50, p95, p99 = (quantile(latencies, over) for over in (0.5, 0.05, 0.01))
    degraded = sum(is_degraded(sample, allowed) for sample in samples)
    return WindowFigures(
        samples=len(samples),
        error_rate=errors / len(samples),
        p50=p50,
        p95=p95,
        p99=p99,
        degraded_rate=degraded / len(samples),
    )


def spell(metric: str, value: float) -> str:
    """A figure in the metric's unit: `5004ms`, `14.2%`, `3`."""
    if metric.endswith("_rate"):
        return percent(value)
    if metric in COUNTS:
        return f"{value:.0f}"
    return milliseconds(value)


def percent(share: float) -> str:
    """`0.33%`, `14.2%`; never rounded to 0% or 100% when it is neither."""
    short = f"{100 * share:.3g}"
    return f"{100 * share:.6g}%" if short == "100" and share < 1 else f"{short}%"


def milliseconds(seconds: float) -> str:
    """`640ms`; one more digit below ten."""
    return f"{1000 * seconds:.0f}ms" if seconds >= 0.00995 else f"{1000 * seconds:.1f}ms"
