"""What a promise may say: metrics, and expressions such as `< 1%`, `<= 1`, `<= baseline + 20% + 50ms`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, cast

from windtunnel.spec.model import Limit
from windtunnel.units import parse_count, parse_duration, parse_share

MetricKind = Literal["share", "time", "count"]
Operator = Literal["<", "<=", ">", ">="]

METRICS: Mapping[str, MetricKind] = {
    "error_rate": "share",
    "degraded_rate": "share",
    "undocumented_rate": "share",
    "errors": "count",
    "undocumented": "count",
    "p50": "time",
    "p95": "time",
    "p99": "time",
    "p99.9": "time",
    "max": "time",
}
"""The usual ones; any other percentile between 0 and 100 is a metric too (`p90`, `p99.99`)."""

_PERCENTILE = re.compile(r"p([0-9]{1,2}(?:\.[0-9]{1,4})?)")
_EXPRESSION = re.compile(r"(<=|>=|<|>)\s*(.+)", re.DOTALL)
_PARSERS: Mapping[MetricKind, Callable[[str], float]] = {
    "share": parse_share,
    "time": parse_duration,
    "count": parse_count,
}
_EXAMPLES: Mapping[MetricKind, str] = {"share": "< 1%", "time": "< 500ms", "count": "<= 1"}
_RELATIVE: Mapping[MetricKind, str] = {"share": "<= baseline + 20% + 1%", "time": "<= baseline + 20% + 50ms"}


def percentile(metric: str) -> float | None:
    """99.9 for `p99.9`; None for what is no percentile."""
    match = _PERCENTILE.fullmatch(metric)
    return float(match[1]) if match and float(match[1]) > 0 else None


def metric_kind(metric: str) -> MetricKind | None:
    """What a metric is counted in; None for what is no metric."""
    return "time" if percentile(metric) is not None else METRICS.get(metric)


def parse_expression(metric: str, text: str) -> tuple[Operator, Limit, str]:
    """The operator, the bound, and the expression as reports write it. Raises ValueError with one clear line."""
    kind = metric_kind(metric)
    if kind is None:
        raise ValueError(f"{metric!r} is not a metric")
    match = _EXPRESSION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'{text!r} is not a limit of {metric}; write for instance "{_EXAMPLES[kind]}"')
    operator, bound = cast(Operator, match[1]), " ".join(match[2].split())
    limit = _relative(metric, kind, bound) if bound.startswith("baseline") else _absolute(metric, kind, bound)
    if operator == "<" and limit.value == 0:
        raise ValueError(f"'{metric} < {bound}' can never hold; write \"<= {bound}\" or a higher limit")
    return operator, limit, f"{operator} {bound}"


def _absolute(metric: str, kind: MetricKind, bound: str) -> Limit:
    value = _quantity(metric, kind, bound)
    if kind == "share" and value > 1:
        raise ValueError(f"{metric} is a share of requests, so {bound} is too much; write at most 100%")
    return Limit(value=value)


def _relative(metric: str, kind: MetricKind, bound: str) -> Limit:
    if kind == "count":
        raise ValueError(f"{metric} is a count and cannot be relative to the baseline; use a rate")
    parts = [part.strip() for part in bound.split("+")]
    if parts[0] != "baseline" or not 2 <= len(parts) <= 3 or (len(parts) == 2 and _only_growth(kind, parts[1])):
        raise ValueError(f'{bound!r} is not a relative limit with a floor; write "{_RELATIVE[kind]}"')
    growth = parse_share(parts[1]) if len(parts) == 3 else 0.0
    return Limit(relative=growth, floor=_quantity(metric, kind, parts[-1]))


def _only_growth(kind: MetricKind, part: str) -> bool:
    """`baseline + 20%`: without a floor, a baseline near zero would make noise a failure."""
    return kind == "share" or part.endswith("%")


def _quantity(metric: str, kind: MetricKind, text: str) -> float:
    try:
        return _PARSERS[kind](text)
    except ValueError as error:
        raise ValueError(f'{metric}: {error} (for instance "{_EXAMPLES[kind]}")') from None
