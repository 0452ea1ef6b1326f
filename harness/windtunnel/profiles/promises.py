"""What a line of an SLO may say: the metrics of experiments, and three of the service-level vocabulary.

availability >= 99.9%   share of requests that were ok
burn_rate < 14.4        how many times faster than allowed the error budget is spent: errors / (1 - availability)
budget_spent <= 2%      the share of a whole period's budget that these errors are

Burn rate and budget are those of The Site Reliability Workbook (Google, 2018), chapter 5, "Alerting on SLOs": for a
period of 30 days, a burn rate of 14.4 that lasts an hour spends 2 % of the budget; 6 over six hours spends 5 %.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, Literal, cast

from windtunnel.profiles.model import Promise
from windtunnel.spec.expression import METRICS, metric_kind, parse_expression
from windtunnel.units import parse_share

Op = Literal["<", "<=", ">", ">="]

BUDGET_METRICS: Final = ("burn_rate", "budget_spent")
"""What is counted against the availability that the same objective promises."""
OWN: Final[Mapping[str, str]] = {"availability": ">= 99.9%", "burn_rate": "< 14.4", "budget_spent": "<= 2%"}
"""Metrics that experiments do not have, each with an example."""
KNOWN: Final = (*OWN, *METRICS)
_EXPRESSION: Final = re.compile(r"(<=|>=|<|>)\s*(.+)", re.DOTALL)
_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def is_metric(name: str) -> bool:
    """Whether an objective can promise this."""
    return name in OWN or metric_kind(name) is not None


def parse_promise(metric: str, text: str, scope: str | None, line: int) -> Promise:
    """Raises ValueError with one clear line."""
    op, bound, written = _own(metric, text) if metric in OWN else _common(metric, text)
    return Promise(metric=metric, op=op, bound=bound, scope=scope, text=written, line=line)


def _common(metric: str, text: str) -> tuple[Op, float, str]:
    op, limit, written = parse_expression(metric, text)
    if limit.value is None:
        raise ValueError(f"{text!r} is relative to a baseline, which a load profile has not; write an absolute limit")
    return op, limit.value, written


def _own(metric: str, text: str) -> tuple[Op, float, str]:
    match = _EXPRESSION.fullmatch(text.strip())
    wanted = (">", ">=") if metric == "availability" else ("<", "<=")
    if match is None or match[1] not in wanted:
        raise ValueError(f'{text!r} is not a limit of {metric}; write for instance "{OWN[metric]}"')
    bound = " ".join(match[2].split())
    return cast(Op, match[1]), _PARSERS[metric](bound), f"{match[1]} {bound}"


def parse_availability(text: str) -> float:
    """A share above 0 and below 1. Raises ValueError."""
    share = parse_share(text)
    if not 0 < share < 1:
        raise ValueError(f"availability: {text} leaves no error budget to count; write a share below 100%")
    return share


def _burn_rate(text: str) -> float:
    if not _NUMBER.fullmatch(text) or float(text) == 0:
        raise ValueError(f"burn_rate: {text!r} is not a multiple of the budget; write a number above 0 such as 14.4")
    return float(text)


_PARSERS: Final[Mapping[str, Callable[[str], float]]] = {
    "availability": parse_availability,
    "burn_rate": _burn_rate,
    "budget_spent": parse_share,
}
