"""Holds the topology and the pacts together: every edge between own services has a contract, every contract an edge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from windtunnel.contracts.pact_files import HTTP, PactFile
from windtunnel.topology.model import Topology


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What lacks its counterpart; both empty when all is well."""

    without_pact: tuple[str, ...]
    """Edges on which nobody has said what is needed."""
    without_edge: tuple[str, ...]
    """What a pact speaks of and the topology does not know: a service that is gone, or a slip in a name."""


def coverage(topology: Topology, files: Iterable[PactFile]) -> Coverage:
    """Compares both ways. HTTP edges between two services count; a client's own edges and bare TCP do not."""
    edges = {
        edge.name
        for edge in topology.edges
        if edge.protocol == "http" and edge.source in topology.services and edge.target in topology.services
    }
    asked: set[str] = set()
    told: set[str] = set()
    for file in files:
        kinds = {interaction.kind for interaction in file.interactions}
        if HTTP in kinds:
            asked.add(f"{file.consumer}->{file.provider}")
        if kinds - {HTTP}:  # a message goes the other way: its provider sends it
            told.add(f"{file.provider}->{file.consumer}")
    return Coverage(without_pact=tuple(sorted(edges - asked)), without_edge=tuple(sorted((asked | told) - edges)))
