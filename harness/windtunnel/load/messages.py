"""What the two processes say to each other: one JSON object a line.

    down   {"do": "run", "run": 1, "plan": {...}}        {"do": "stop", "run": 1, "drain": 5.0}
    up     {"say": "began", "run": 1, "t": ...}          or {"say": "refused", "run": 1, "what": ..., "path", "line"}
           {"say": "tick", "run": 1, "t": ..., "offered": 12, "sent": 12, "exhausted": false, "samples": [[...], ...]}
           {"say": "ended", "run": 1, "report": {...}}

A sample is a bare list in the order of `Sample`'s fields: thousands a second pass here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from windtunnel.load.model import LoadPlan
from windtunnel.load.shapes import SHAPES, Shape
from windtunnel.spec.model import MixEntry

Row = list[Any]
"""[scenario, route, due, start, end, status, outcome, error, request_id]"""


def encode(message: Mapping[str, object]) -> bytes:
    """One line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def plan_to_plain(plan: LoadPlan) -> dict[str, object]:
    """A plan as JSON can carry it."""
    stages = [_stage_to_plain(stage) for stage in plan.stages]
    mix = [asdict(entry) for entry in plan.mix]
    named = {"scenarios": str(plan.scenarios), "targets": dict(plan.targets), "mix": mix, "stages": stages}
    return {field.name: getattr(plan, field.name) for field in fields(plan)} | named


def plan_from_plain(plain: Mapping[str, Any]) -> LoadPlan:
    """The reverse of `plan_to_plain`."""
    mix: Sequence[Mapping[str, Any]] = plain["mix"]
    return LoadPlan(
        **{
            **plain,
            "scenarios": Path(plain["scenarios"]),
            "mix": tuple(MixEntry(**entry) for entry in mix),
            "stages": tuple(_stage_from_plain(stage) for stage in plain["stages"]),
        }
    )


def _stage_to_plain(stage: Shape) -> dict[str, object]:
    name = next(name for name, shape in SHAPES.items() if type(stage) is shape)
    # Its fields as they are: a replay's many times need no copies.
    return {"shape": name, **{field.name: getattr(stage, field.name) for field in fields(SHAPES[name])}}


def _stage_from_plain(plain: Mapping[str, Any]) -> Shape:
    shape = SHAPES[plain["shape"]]
    return shape(**{name: value for name, value in plain.items() if name != "shape"})
