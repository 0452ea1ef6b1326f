"""What the two processes say to each other: one JSON object a line.

    down   {"do": "run", "run": 1, "plan": {...}}        {"do": "stop", "run": 1, "drain": 5.0}
    up     {"say": "began", "run": 1}                    or {"say": "refused", "run": 1, "what": ..., "path", "line"}
           {"say": "tick", "run": 1, "t": ..., "offered": 12, "sent": 12, "samples": [[...], ...]}
           {"say": "ended", "run": 1, "report": {...}}

A sample is a bare list in the order of `Sample`'s fields: thousands a second pass here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from windtunnel.load.model import LoadPlan
from windtunnel.spec.model import MixEntry

Row = list[Any]
"""[scenario, route, due, start, end, status, outcome, error, request_id]"""


def encode(message: Mapping[str, object]) -> bytes:
    """One line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def plan_to_plain(plan: LoadPlan) -> dict[str, object]:
    """A plan as JSON can carry it."""
    return {**asdict(plan), "scenarios": str(plan.scenarios), "targets": dict(plan.targets)}


def plan_from_plain(plain: Mapping[str, Any]) -> LoadPlan:
    """The reverse of `plan_to_plain`."""
    mix: Sequence[Mapping[str, Any]] = plain["mix"]
    return LoadPlan(
        **{
            **plain,
            "scenarios": Path(plain["scenarios"]),
            "mix": tuple(MixEntry(**entry) for entry in mix),
        }
    )
