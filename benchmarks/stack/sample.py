"""One start and one stop, timed, and that nothing is left. What is timed is the same for every case:

start   from nothing until every service answers on its own port and every edge has its proxy
stop    from the word until the command, or the call, has returned; what is left then is an error
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from windtunnel.topology import Topology
from windtunnel.undo.engine import Engine, engine_url


@dataclass(frozen=True)
class Sample:
    """Seconds."""

    start: float
    stop: float


class Case(Protocol):
    """One way to stand a system up."""

    @property
    def name(self) -> str: ...

    def once(self, topology: Topology) -> Sample:
        """Stand it up, take it down. Raises `BenchError` when either fails, or something is left."""


class BenchError(Exception):
    """A system did not stand, or did not go; the message says which, and why."""


def left_in_engine(label: str) -> list[str]:
    """What carries that label: containers, networks, volumes."""
    engine, filters = Engine(engine_url()), json.dumps({"label": [label]})
    containers: list[dict[str, Any]] = engine.call("GET", "/containers/json", all="1", filters=filters)
    networks: list[dict[str, Any]] = engine.call("GET", "/networks", filters=filters)
    volumes: list[dict[str, Any]] = engine.call("GET", "/volumes", filters=filters).get("Volumes") or []
    return [
        *(f"container {one['Names'][0]}" for one in containers),
        *(f"{kind} {one['Name']}" for kind, found in (("network", networks), ("volume", volumes)) for one in found),
    ]
