"""Reads an SLO file: what is promised to whom, apart from any load, so that every profile asserts the same.

slos: windtunnel/v1
objectives:
  shop:
    title: What a customer is promised
    period: 30d
    availability: ">= 99.9%"
    place_order: {p95: "< 500ms"}
    "GET /orders/{id}": {p95: "< 200ms"}
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from windtunnel.document import Entry, Value, unknown
from windtunnel.errors import SloError
from windtunnel.profiles.model import Objective, Promise
from windtunnel.profiles.promises import BUDGET_METRICS, KNOWN, is_metric, parse_availability, parse_promise
from windtunnel.strict_yaml import load_yaml
from windtunnel.units import parse_period

FORMAT: Final = "windtunnel/v1"
_OWN: Final = ("title", "period", "target")
_ROUTE: Final = re.compile(r"[A-Z]{3,10} /\S*")
_WORD: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, kw_only=True)
class SloFile:
    """Every objective of a file, by name."""

    path: Path
    raw: bytes
    objectives: Mapping[str, Objective]


def read_slos(path: Path, scenarios: Collection[str]) -> SloFile:
    """Raises `SloError` with file and line. `scenarios` are those that a scope may name, besides routes."""
    document, raw = load_yaml(path, SloError)
    fields = document.fields(required=["slos", "objectives"])
    fields["slos"].choice("format", (FORMAT,))
    objectives = {name: _objective(name, entry, scenarios) for name, entry in fields["objectives"].mapping().items()}
    if not objectives:
        raise fields["objectives"].refusal("promises nothing; write at least one objective")
    return SloFile(path=path, raw=raw, objectives=objectives)


def _objective(name: str, entry: Entry, scenarios: Collection[str]) -> Objective:
    if not _WORD.fullmatch(name):
        raise entry.place.refusal(f"{name!r} is no name; use letters, digits, '_', '.' and '-'")
    value = entry.value
    own = {key: inner for key, inner in value.mapping().items() if key in _OWN}
    promises = tuple(_promises(value, scenarios))
    if not promises:
        raise value.refusal(f'promises nothing; write for instance p95: "< 500ms" (known: {", ".join(KNOWN)})')
    objective = Objective(
        name=name,
        title=own["title"].value.text() if "title" in own else "",
        period=own["period"].value.parse(_period) if "period" in own else None,
        counted_against=own["target"].value.parse(parse_availability) if "target" in own else None,
        promises=promises,
    )
    _check_budgets(objective, value)
    return objective


def _period(text: str) -> float:
    seconds = parse_period(text)
    if seconds == 0:
        raise ValueError(f"{text!r} is no time at all; write for instance 30d")
    return seconds


def _promises(value: Value, scenarios: Collection[str]) -> Iterator[Promise]:
    for key, entry in value.mapping().items():
        if key in _OWN:
            continue
        if is_metric(key):
            yield _promise(key, entry.value, None)
            continue
        if key not in scenarios and not _ROUTE.fullmatch(key):
            raise entry.place.refusal(unknown("metric or scenario", key, (*scenarios, *KNOWN, *_OWN)))
        for metric, inner in entry.value.mapping().items():
            if not is_metric(metric):
                raise inner.place.refusal(unknown("metric", metric, KNOWN))
            yield _promise(metric, inner.value, key)


def _promise(metric: str, value: Value, scope: str | None) -> Promise:
    return value.parse(lambda written: parse_promise(metric, written, scope, value.line))


def _check_budgets(objective: Objective, value: Value) -> None:
    """A budget is what an availability leaves over; one without the other means nothing."""
    for promise in objective.promises:
        if promise.metric not in BUDGET_METRICS:
            continue
        place = value.place if promise.scope is None else value.entries[promise.scope].place
        if objective.target(promise.scope) is None:
            raise place.refusal(f"{promise.metric} counts against an availability; write that, or target, beside it")
        if promise.metric == "budget_spent" and objective.period is None:
            raise place.refusal("budget_spent is a share of a period's budget; write for instance period: 30d")
