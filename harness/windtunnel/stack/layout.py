"""Who stands on which network of a system of containers, under which address and names.

One network for everybody, where every caller reads its peers' addresses from its environment:

    wind:   recorder   toxiproxy   orders   payments   ...

A network for each service, where a host name is written into a caller: on the caller's network the recorder has that
name, the callee is on another one, and only the proxies are on both. No way leads around them.

    core:     recorder  toxiproxy
    orders:   orders    recorder (as `users`)
    users:    users     toxiproxy

Two callees on one port need two addresses on the caller's network, and so a second recorder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from windtunnel.topology.model import CLIENT, Edge, Service, Topology

TOXIPROXY = "toxiproxy"
FIRST_PORT = 20_000
"""Of the proxies' own ports: on a container's address all are free."""


def recorder(number: int) -> str:
    """The name of the n-th recorder, from 0."""
    return f"recorder-{number}"


@dataclass(kw_only=True)
class PlannedNetwork:
    """One network: its members in the order of their addresses, and the further names that each has there."""

    name: str
    members: dict[str, list[str]] = field(default_factory=dict)

    def add(self, member: str, alias: str | None = None) -> None:
        """Put a container on it; harmless when it is there."""
        names = self.members.setdefault(member, [])
        if alias is not None and alias not in names:
            names.append(alias)

    def address(self, member: str, subnet: IPv4Network) -> IPv4Address:
        """The first address is the gateway's."""
        return subnet.network_address + 2 + list(self.members).index(member)

    @property
    def prefix(self) -> int:
        """The smallest subnet that holds the gateway, all members, and the two addresses that nobody can have."""
        return 32 - max(3, (len(self.members) + 2).bit_length())


@dataclass(frozen=True, kw_only=True)
class PlannedEdge:
    """Where an edge's caller finds the proxy, and how it goes on from there."""

    edge: Edge
    recorder: str
    network: str
    """The network on which the caller, or we, meet the recorder."""
    port: int
    between: int
    """The port of the Toxiproxy behind the recorder."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The whole plan. `core` is the network on which proxies meet each other."""

    core: str
    networks: Mapping[str, PlannedNetwork]
    edges: tuple[PlannedEdge, ...]
    recorders: int

    def home(self, service: str) -> str:
        """The network on which a service stands."""
        return service if service in self.networks else self.core


def lay_out(topology: Topology, services: Mapping[str, Service], edges: tuple[Edge, ...], *, toxiproxy: bool) -> Layout:
    """Plan the networks for those services and edges. `toxiproxy`: one stands behind the recorders."""
    apart = any(edge.via_alias for edge in edges)
    core = "core" if apart else "wind"
    networks = {name: PlannedNetwork(name=name) for name in ([core, *services] if apart else [core])}
    networks[core].add(recorder(0))
    if toxiproxy:
        networks[core].add(TOXIPROXY)
    for service in services:
        networks[service if apart else core].add(service)
    planned = _edges(edges, services, networks, core if not apart else "")
    for plan in planned:
        networks[core].add(plan.recorder)
        networks[plan.network].add(plan.recorder, plan.edge.via_alias)
        # The last proxy before the callee must reach it.
        networks[plan.edge.target if apart else core].add(TOXIPROXY if toxiproxy else plan.recorder)
    return Layout(
        core=core, networks=networks, edges=planned, recorders=len({p.recorder for p in planned} | {recorder(0)})
    )


def _edges(
    edges: tuple[Edge, ...], services: Mapping[str, Service], networks: Mapping[str, PlannedNetwork], only: str
) -> tuple[PlannedEdge, ...]:
    taken, planned = Counter[tuple[str, int]](), []
    core = next(iter(networks))
    for number, edge in enumerate(edges):
        port, which = FIRST_PORT + number, 0
        callee = services[edge.target].container
        if edge.via_alias and callee is not None:
            port = callee.port
            which = taken[edge.source, port]
            taken[edge.source, port] += 1
        network = core if edge.source == CLIENT else only or edge.source
        between = FIRST_PORT + len(edges) + number
        planned.append(PlannedEdge(edge=edge, recorder=recorder(which), network=network, port=port, between=between))
    return tuple(planned)
