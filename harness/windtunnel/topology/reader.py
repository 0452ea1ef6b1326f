"""Reads a topology file: YAML in, `Topology` out, or one clear line about what is wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from windtunnel.document import Value, unknown
from windtunnel.errors import TopologyError
from windtunnel.strict_yaml import load_yaml
from windtunnel.topology.edges import read_edges
from windtunnel.topology.external import read_allowance
from windtunnel.topology.functions import function_names
from windtunnel.topology.model import Allowance, Edge, Service, Topology
from windtunnel.topology.service import existing_file, read_service

FORMAT = "windtunnel/v1"
_REQUIRED = ("topology", "name", "scenarios", "services", "edges")
_OPTIONAL = ("invariants", "fuzz", "degrades_to", "allow")


def read_topology(path: Path, environ: Mapping[str, str] = os.environ) -> Topology:
    """The system that the file describes; `${NAME}` is taken from `environ`, other files from beside the topology's.

    Raises `TopologyError` with file and line.
    """
    document, _ = load_yaml(path, TopologyError)
    fields = document.fields(required=_REQUIRED, optional=_OPTIONAL)
    fields["topology"].choice("format", (FORMAT,))
    services = _services(fields["services"], path.parent, environ)
    edges = read_edges(fields["edges"], services, environ)
    scenarios = existing_file(fields["scenarios"], path.parent)
    return Topology(
        name=fields["name"].text(),
        path=path,
        services=services,
        edges=edges,
        scenarios=scenarios,
        invariants=fields.read("invariants", lambda value: existing_file(value, path.parent), None),
        fuzz=fields.read("fuzz", lambda value: existing_file(value, path.parent), None),
        degrades_to=fields.read("degrades_to", lambda value: _degradations(value, scenarios, edges), {}),
        allow=fields.read("allow", lambda value: read_allowance(value, edges), Allowance()),
    )


def _services(value: Value, folder: Path, environ: Mapping[str, str]) -> Mapping[str, Service]:
    if not value.mapping():
        raise value.refusal("expected at least one service, found none")
    services = {name: read_service(name, entry, folder, environ) for name, entry in value.entries.items()}
    _check_start_order(value, services)
    return services


def _check_start_order(value: Value, services: Mapping[str, Service]) -> None:
    for name, entry in value.entries.items():
        after = entry.value.entries.get("after")
        for other in after.value.items if after else ():
            if other.text() not in services:
                raise other.refusal(unknown("service", other.text(), services))
        cycle = _cycle_from(name, services)
        if after and cycle:
            way = " -> ".join(cycle)
            raise after.place.refusal(f"{way} is a cycle of 'after'; one of them must be able to start first")


def _cycle_from(start: str, services: Mapping[str, Service]) -> tuple[str, ...]:
    """The shortest way from a service back to itself along `after`; empty when there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    for way in ways:  # grows while it is walked: breadth first
        for other in services[way[-1]].after if way[-1] in services else ():
            if other == start:
                return (*way, start)
            if other not in seen:
                seen.add(other)
                ways.append((*way, other))
    return ()


def _degradations(
    value: Value, scenarios: Path, edges: tuple[Edge, ...]
) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
    names = function_names(scenarios, TopologyError)
    edge_names = tuple(edge.name for edge in edges)
    table: dict[str, Mapping[str, tuple[int, ...]]] = {}
    for scenario, entry in value.mapping().items():
        if scenario not in names:
            raise entry.place.refusal(unknown("scenario", scenario, names))
        for edge, lost in entry.value.mapping().items():
            if edge not in edge_names:
                raise lost.place.refusal(unknown("edge", edge, edge_names))
        table[scenario] = {edge: _statuses(lost.value) for edge, lost in entry.value.entries.items()}
    return table


def _statuses(value: Value) -> tuple[int, ...]:
    """`ok` means: losing the edge must not be noticed."""
    if value.kind == "text" and value.written == "ok":
        return ()
    if value.kind != "list":
        raise value.refusal("expected a list of statuses such as [503, 202], or ok")
    return tuple(status(item) for item in value.sequence(minimum=1))


def status(value: Value) -> int:
    """An HTTP status."""
    number = value.integer()
    if not 100 <= number <= 599:
        raise value.refusal(f"expected an HTTP status from 100 to 599, found {number}")
    return number
