"""What a spec may refer to: the topology's edges, services, scenarios and invariants, and the table of faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from windtunnel.errors import SpecError
from windtunnel.spec.shape import FaultShape
from windtunnel.topology.functions import function_names
from windtunnel.topology.instances import names_of
from windtunnel.topology.model import Topology


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The names a spec may use, those of services and edges whole or by instance."""

    edges: tuple[str, ...]
    services: tuple[str, ...]
    scenarios: tuple[str, ...]
    invariants: tuple[str, ...]
    has_invariants: bool
    faults: Mapping[str, FaultShape]


def survey(topology: Topology, faults: Mapping[str, FaultShape]) -> Surroundings:
    """Look the names up. Python files are parsed, never run. Raises `SpecError` when one cannot be."""
    return Surroundings(
        edges=names_of(topology.links),
        services=names_of(topology.instances),
        scenarios=function_names(topology.scenarios, SpecError),
        invariants=function_names(topology.invariants, SpecError) if topology.invariants else (),
        has_invariants=topology.invariants is not None,
        faults=faults,
    )
