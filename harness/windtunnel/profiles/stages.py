"""Reads the stages of a load profile, and writes those of a search for the capacity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from windtunnel.document import Value, unknown
from windtunnel.profiles.criteria import as_expectation
from windtunnel.profiles.model import Objective, Promise, Search, Stage
from windtunnel.spec.decidable import undecidable
from windtunnel.spec.model import Load
from windtunnel.spec.reader import read_positive, read_word
from windtunnel.units import parse_rate, parse_share

Objectives = Mapping[str, Objective]
RESERVED: Final = ("drain", "done")
_MOST_STEPS: Final = 100


def read_stages(value: Value, rate: float, objectives: Objectives) -> tuple[Stage, ...]:
    """The stages in their order; every name once."""
    stages: list[Stage] = []
    for item in value.sequence(minimum=1):
        stage = _stage(item, rate, objectives)
        if stage.name in RESERVED:
            raise item.refusal(f"{stage.name!r} is what comes after the last stage; write another name")
        if any(stage.name == other.name for other in stages):
            raise item.refusal(f"duplicate stage {stage.name!r}; give each stage a name of its own")
        stages.append(stage)
    if not stages[-1].end:
        raise value.items[-1].refusal("the last stage must end with some load, or nothing of it can be seen")
    return tuple(stages)


def read_search(value: Value, rate: float, objectives: Objectives) -> tuple[Search, tuple[Stage, ...]]:
    """A search and its steps. Each is the same factor above the one before: the answer is as exact everywhere."""
    fields = value.fields(required=["from", "to", "steps", "each", "slo"], optional=["at_least"])
    first, last = (fields[key].parse(lambda text: _rate(text, rate)) for key in ("from", "to"))
    steps = fields["steps"].integer(minimum=2)
    if not 0 < first < last:
        raise fields["to"].refusal("a search rises: 'to' must be above 'from', and 'from' above 0")
    if steps > _MOST_STEPS:
        raise fields["steps"].refusal(f"at most {_MOST_STEPS} steps, found {steps}")
    each, slo = read_positive(fields["each"]), _slo(fields["slo"], objectives)
    factor = (last / first) ** (1 / (steps - 1))
    rates = [first * factor**i for i in range(steps)]
    stages = tuple(Stage(name=f"{r:.4g}/s", duration=each, start=r, end=r, slo=slo) for r in rates)
    return Search(at_least=fields.read("at_least", lambda v: v.parse(lambda text: _rate(text, rate)), None)), stages


def check_decidable(value: Value, key: str, stages: Iterable[Stage], load: Load, objectives: Objectives) -> None:
    """Every promise of every stage must be decidable by the arrivals of that stage."""
    items = {item.entries["name"].value.written: item for item in value.items} if key == "stages" else {}
    for stage in stages:
        if (stage.name in items) != (key == "stages"):
            continue
        place = items.get(stage.name, value)
        for promise in (promise for name in stage.slo for promise in objectives[name].promises):
            _check(promise, stage, load, place, objectives)


def _check(promise: Promise, stage: Stage, load: Load, place: Value, objectives: Objectives) -> None:
    scenarios = [entry.scenario for entry in load.mix]
    if promise.scope is not None and " " not in promise.scope and promise.scope not in scenarios:
        raise place.refusal(f"its slo promises something about {promise.scope!r}, which is not in the mix")
    target = next((objectives[n].target(promise.scope) for n in stage.slo if promise in objectives[n].promises), None)
    expectation = as_expectation(promise, target)
    if expectation is None:  # a number of requests, which any sample decides
        return
    reason = undecidable(expectation, stage.duration, replace(load, rate=stage.expected / stage.duration))
    if reason:
        said = reason.replace(f"{expectation.metric} {expectation.text}", f"{promise.metric} {promise.text}")
        raise place.refusal(f"stage {stage.name!r}: {said}")


def _stage(item: Value, rate: float, objectives: Objectives) -> Stage:
    fields = item.fields(required=["name", "for"], optional=["rate", "from", "to", "slo"])
    one, start, end = (fields.get(key) for key in ("rate", "from", "to"))
    if (one is None) == (start is None or end is None) or (one is not None and (start or end)):
        raise item.refusal("a stage has a rate (rate: 100%), or goes from one to another (from: 10%, to: 100%)")
    begins, ends = (v.parse(lambda text: _rate(text, rate)) for v in (one or start, one or end) if v is not None)
    return Stage(
        name=read_word(fields["name"], "stage"),
        duration=read_positive(fields["for"]),
        start=begins,
        end=ends,
        slo=fields.read("slo", lambda value: _slo(value, objectives), ()),
    )


def _rate(text: str, rate: float) -> float:
    """Arrivals per second: a rate of its own, or a share of the profile's."""
    return parse_share(text) * rate if text.strip().endswith("%") else parse_rate(text)


def _slo(value: Value, objectives: Objectives) -> tuple[str, ...]:
    items = value.sequence(minimum=1) if value.kind == "list" else (value,)
    for item in items:
        if item.text() not in objectives:
            raise item.refusal(unknown("objective", item.written, objectives))
    return tuple(item.written for item in items)
