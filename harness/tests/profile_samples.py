"""Load profiles and their histories, made by hand: for the tests of what judges and shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hand_written import header, load, sample

from windtunnel.history import Event, History, LoadEvent, PhaseEvent, Sample, UsageEvent
from windtunnel.profiles.model import Objective, Profile, Promise, Search, Stage
from windtunnel.profiles.plain import profile_to_plain
from windtunnel.profiles.promises import parse_promise
from windtunnel.spec.model import MixEntry

BEGAN = 100.0
Each = Callable[[int, float], Sample]

SLOS = """\
slos: windtunnel/v1
objectives:
  shop:
    title: What a customer is promised
    period: 30d
    availability: ">= 99%"
    burn_rate: "< 2"
    p95: "< 500ms"
    place_order: {p99: "< 1s"}
    "GET /orders/{id}": {error_rate: "< 1%"}
  incident:
    period: 30d
    target: 99.9%
    budget_spent: "<= 1%"
"""

PROFILE = """\
profile: windtunnel/v1
title: The shop holds
rate: 50/s
mix: [{scenario: place_order, weight: 3}, {scenario: read_order, weight: 1}]
stages:
  - {name: warmup, for: 2s, from: 10%, to: 100%}
  - {name: steady, for: 20s, rate: 100%, slo: shop}
"""


def promise(text: str) -> Promise:
    """`place_order p95 < 500ms` as the reader makes it."""
    *scope, metric, op, bound = text.split()
    return parse_promise(metric, f"{op} {bound}", scope[0] if scope else None, 0)


def objective(*texts: str, name: str = "shop", **more: Any) -> Objective:
    """An objective of these promises."""
    return Objective(name=name, promises=tuple(map(promise, texts)), **more)


def stage(name: str = "steady", seconds: float = 10.0, rate: float = 50.0, **more: Any) -> Stage:
    """A stage at one rate, held to the objective `shop`."""
    return Stage(**{"name": name, "duration": seconds, "start": rate, "end": rate, "slo": ("shop",), **more})


def profile(*texts: str, stages: tuple[Stage, ...] = (), **more: Any) -> Profile:
    """A profile whose stages promise all of these."""
    own: dict[str, Any] = {
        "id": "steady",
        "path": Path("load/profiles/steady.yaml"),
        "sha256": "0" * 64,
        "title": "The shop holds",
        "rate": 50.0,
        "mix": (MixEntry(scenario="place_order"),),
        "stages": stages or (stage(),),
        "objectives": {"shop": objective(*texts, period=2_592_000.0)} if texts else {},
    }
    return Profile(**{**own, **more})


def search(*texts: str, rates: tuple[float, ...] = (50.0, 100.0, 200.0), at_least: float | None = None) -> Profile:
    """A search for the capacity over these rates."""
    stages = tuple(stage(f"{rate:g}/s", 10.0, rate) for rate in rates)
    return profile(*texts, stages=stages, search=Search(at_least=at_least))


def begins(of: Profile) -> dict[str, float]:
    """When each stage begins; `drain` and `done` after the last."""
    found, t = {}, BEGAN
    for one in of.stages:
        found[one.name] = t
        t += one.duration
    return {**found, "drain": t, "done": t + 1.0}


def driven(
    of: Profile,
    *,
    each: dict[str, Each] | None = None,
    until: str | None = None,
    usage: dict[str, float] | None = None,
    events: tuple[Event, ...] = (),
    busy: float | None = None,
) -> History:
    """A whole run; `each` makes the requests of a stage, `until` is the last stage reached, `usage` the cores used."""
    at, samples, made = begins(of), [], [*events]
    for one in of.stages:
        start, end = at[one.name], at[one.name] + one.duration
        made.append(PhaseEvent(t=start, name=one.name))
        samples += load(start, end, one.start, (each or {}).get(one.name))
        if usage is not None:
            total = sum(usage.values()) if busy is None else busy
            made += [
                UsageEvent(t=start + second, seconds=1.0, cores=2, busy=total, parts=usage)
                for second in range(1, int(one.duration) + 1)
            ]
        if one.name == until:
            break
    made += [PhaseEvent(t=end, name="drain"), PhaseEvent(t=end + 1.0, name="done")]
    made.append(LoadEvent(t=end + 1.0, offered=len(samples), sent=len(samples), late_share=0.0, late_p99=0.001))
    made.sort(key=lambda event: event.t)
    samples.sort(key=lambda one: one.due)
    top = replace(header(), experiment=of.id, title=of.title, spec=profile_to_plain(of))
    return History(header=top, events=tuple(made), samples=tuple(samples))


__all__ = ["BEGAN", "begins", "driven", "objective", "profile", "promise", "sample", "search", "stage"]
