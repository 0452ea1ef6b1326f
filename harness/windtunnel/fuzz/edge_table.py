"""The table of the edges that each operation uses: discovered once, committed, and checked in every run.

Items are collected before anything runs, so the table must be known by then; and since it decides what is covered, a
change of it should be seen in a review.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from windtunnel.document import Value, unknown
from windtunnel.errors import SpecError
from windtunnel.fuzz.operations import Operation
from windtunnel.strict_yaml import load_yaml
from windtunnel.topology.model import Topology

FORMAT = "windtunnel/v1"
HEAD = """\
# Which edges each operation uses, and with which calls (none: the edge is not HTTP).
# Made by `windtunnel fuzz --discover`; every run compares it with what it sees.
"""
_CALL = re.compile(r"[A-Z]+ /\S*")

Uses = Mapping[str, tuple[str, ...]]
"""By edge, the kinds of calls on it: `PUT /reservations/{id}`. A call's identifiers are written `{id}`."""


@dataclass(frozen=True, kw_only=True)
class EdgeTable:
    """`uses[operation.name][edge]` are the kinds of calls that a valid request of the operation makes on that edge."""

    path: Path
    uses: Mapping[str, Uses]

    def of(self, operation: Operation) -> Uses:
        """Empty for an operation that asks nobody."""
        return self.uses.get(operation.name, {})


def read_table(path: Path, topology: Topology, operations: tuple[Operation, ...]) -> EdgeTable:
    """Raises `SpecError` for a table that is missing, malformed, or names what is not there."""
    if not path.is_file():
        raise SpecError("is not there yet; `windtunnel fuzz --discover` makes it", path=path)
    document, _ = load_yaml(path, SpecError)
    fields = document.fields(required=("edges-used", "operations"))
    fields["edges-used"].choice("format", (FORMAT,))
    known = {operation.name for operation in operations}
    uses: dict[str, Uses] = {}
    for name, entry in fields["operations"].mapping().items():
        if name not in known:
            raise entry.place.refusal(f"{unknown('operation', name, known)}; `windtunnel fuzz --discover` renews this")
        uses[name] = _uses(entry.value, topology)
    return EdgeTable(path=path, uses=uses)


def write_table(path: Path, uses: Mapping[str, Uses]) -> None:
    """The same bytes for the same content."""
    plain = {name: {edge: list(calls) for edge, calls in sorted(uses[name].items())} for name in uses if uses[name]}
    text = yaml.safe_dump({"edges-used": FORMAT, "operations": plain}, sort_keys=False, width=120, allow_unicode=True)
    path.write_text(HEAD + text, encoding="utf-8")


def _uses(value: Value, topology: Topology) -> Uses:
    names = [edge.name for edge in topology.edges]
    uses: dict[str, tuple[str, ...]] = {}
    for edge, entry in value.mapping().items():
        if edge not in names:
            raise entry.place.refusal(unknown("edge", edge, names))
        for call in entry.value.sequence():
            if not _CALL.fullmatch(call.text()):
                raise call.refusal(f"{call.text()!r} is no call; write one such as GET /me")
        uses[edge] = entry.value.texts()
    return uses
