"""A system as the harness sees it: services, the edges between them, and what losing an edge may cost.

    client --(edge, a proxy)--> orders --(edge, a proxy)--> payments --> ...

Frozen data only; `reader.py` makes it from YAML, `stack/` makes it run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

from windtunnel.errors import TopologyError
from windtunnel.topology.instances import choose, instance_names, names_of, service_of

CLIENT = "client"
"""The test's own side is a node too: `client->orders` is an edge."""

Protocol = Literal["http", "postgresql", "tcp"]
"""What callers and callee speak: how a canary makes itself understood."""
BackendName = Literal["process", "docker", "external"]
Anything = TypeVar("Anything")


@dataclass(frozen=True, kw_only=True)
class Build:
    """How an image is made where it is not there yet."""

    context: Path
    """The folder that the engine gets."""
    dockerfile: str = "Dockerfile"
    """Relative to the context."""
    args: Mapping[str, str] = field(default_factory=dict)
    """Build arguments: the names of base images, for instance."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """One service as a container. Either `image` or `build` is given."""

    image: str = ""
    build: Build | None = None
    command: tuple[str, ...] = ()
    """Empty: the image's own. May hold what `Service.command` may."""
    port: int = 8000
    """Where it listens within its network; it is told in the service's port variable."""
    data: str = "/data"
    """The folder, on a volume of its own, that `${data}` stands for."""
    disk: int = 0
    """Bytes that the folder's volume holds, in memory; 0: it lies on the engine's disk, as large as that is."""
    env: Mapping[str, str] | None = None
    """Instead of the service's variables; None: the same."""


@dataclass(frozen=True, kw_only=True)
class ProxyPlace:
    """A proxy that is there already, in a system that runs elsewhere."""

    name: str
    api: str = field(repr=False)
    """URL of its Toxiproxy's API; may hold a user and a password."""
    listen: str = ""
    """`host:port` by which we reach it; empty: as its server states."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What may be done to a system that runs elsewhere, by the names of edges. What is not named is not touched."""

    toxics: frozenset[str] = frozenset()
    disable: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service under test.

    `env` values and `command` may hold `${port}`, `${data}` (a directory of its own, gone after the run),
    `${secret:NAME}` (random per run, the same for every service that names it, redacted from all evidence),
    `${NAME}` and `${NAME:-default}` (the caller's environment).
    """

    name: str
    line: int = 0
    """Where the topology file declares it, for messages."""
    command: tuple[str, ...] = ()
    """What the process backend starts; a leading `python` is the interpreter that runs the harness."""
    container: Container | None = None
    """What the docker backend starts."""
    place: str = ""
    """`host:port` where it runs already, for the external backend."""
    port_env: str = "PORT"
    port: int | None = None
    """A fixed port, if the service insists; normally None, so that the harness picks a free one."""
    env: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 1
    """How many instances of it run: `inventory#1`, `inventory#2`. They share `${data}`; each has its own port, and on
    every edge its own proxy."""
    ready: str = "/health/ready"
    """A path that answers 200 when ready, or `tcp`: ready when it accepts a connection."""
    quiet: str | None = None
    """A path that answers 200 when there is no backlog and every breaker is closed; the body says what is not."""
    after: tuple[str, ...] = ()
    """Services that must be ready before this one is started. Normally none: all start at once."""
    openapi: Path | None = None
    metrics: Mapping[str, str] = field(default_factory=dict)

    def runs_on(self, backend: BackendName) -> bool:
        """Whether that backend can start it, or reach it."""
        return {"process": bool(self.command), "docker": self.container is not None, "external": bool(self.place)}[
            backend
        ]


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One direction of calling. There is a proxy on every edge; the caller is told the proxy's address."""

    source: str
    target: str
    line: int = 0
    via_env: str | None = None
    """The variable of the caller that carries the address. None on the client's edges."""
    via_url: str = "http://${host}:${port}"
    """The form in which that variable wants the address."""
    via_separator: str = ","
    """Between the addresses in that variable, where the callee has several instances."""
    via_alias: str | None = None
    """The callee's host name as it is written into the caller, who finds the proxy there. Docker only."""
    via_proxy: ProxyPlace | None = None
    """The proxy on it where the system runs elsewhere. External only."""
    protocol: Protocol = "http"
    criticality: Literal["hard", "soft"] = "hard"
    background: bool = False
    """Calls on it are not made while a client waits (an outbox's relay, for instance)."""
    backends: frozenset[str] = frozenset({"process", "docker", "external"})

    @property
    def name(self) -> str:
        return f"{self.source}->{self.target}"

    @property
    def kind(self) -> str:
        """What losing it may cost, in words: `hard`, or `soft, background`."""
        return f"{self.criticality}, background" if self.background else self.criticality


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The whole system. `degrades_to[scenario][edge]` are the statuses that a client may see while that edge is lost.

    An empty tuple there means `ok`: losing the edge must not be noticed.
    """

    name: str
    path: Path
    services: Mapping[str, Service]
    edges: tuple[Edge, ...]
    scenarios: Path
    invariants: Path | None = None
    fuzz: Path | None = None
    """How its documented operations are fuzzed; each service's `openapi` has them."""
    degrades_to: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)
    allow: Allowance = field(default_factory=Allowance)

    @cached_property
    def instances(self) -> Mapping[str, Service]:
        """What runs, by name: a service, or each instance of one that has replicas."""
        return {
            name: replace(service, name=name, after=tuple(n for other in service.after for n in self._ends(other)))
            for declared, service in self.services.items()
            for name in self._ends(declared)
        }

    @cached_property
    def links(self) -> Mapping[str, Edge]:
        """Every edge between two instances, by name; each has a proxy of its own.

        The client's lead to the first instance: it balances nothing.
        """
        found = (
            replace(edge, source=source, target=target)
            for edge in self.edges
            for source in self._ends(edge.source)
            for target in self._ends(edge.target)[: 1 if edge.source == CLIENT else None]
        )
        return {link.name: link for link in found}

    @property
    def replicas(self) -> dict[str, int]:
        """How many instances a service has, where that is more than one."""
        return {name: service.replicas for name, service in self.services.items() if service.replicas > 1}

    def instances_of(self, service: str) -> Mapping[str, Service]:
        """What `inventory`, or `inventory#2`, stands for. Raises `TopologyError` that lists the known ones."""
        return self._chosen("service", service, self.instances)

    def links_of(self, edge: str) -> Mapping[str, Edge]:
        """What `a->b`, or `a->b#2`, stands for. Raises `TopologyError` that lists the known ones."""
        return self._chosen("edge", edge, self.links)

    def _chosen(self, kind: str, name: str, known: Mapping[str, Anything]) -> Mapping[str, Anything]:
        if found := choose(name, known):
            return found
        raise TopologyError(f"no {kind} {name!r}; known: {', '.join(names_of(known))}", path=self.path)

    def _ends(self, service: str) -> tuple[str, ...]:
        return instance_names(service, self.services[service].replicas) if service in self.services else (service,)

    def edge(self, name: str) -> Edge:
        """The edge called `a->b`, as declared. Raises `TopologyError` that lists the known ones."""
        for edge in self.edges:
            if edge.name == name:
                return edge
        raise TopologyError(f"no edge {name!r}; known: {', '.join(e.name for e in self.edges)}", path=self.path)

    def has_edge(self, edge: Edge, backend: BackendName) -> bool:
        """Whether that backend has the edge: it is declared there, and both its ends run there."""
        ends = [self.services.get(service_of(end)) for end in (edge.source, edge.target)]
        return backend in edge.backends and all(service.runs_on(backend) for service in ends if service)

    def edges_from(self, caller: str) -> tuple[Edge, ...]:
        return tuple(edge for edge in self.edges if edge.source == caller)

    def edges_to(self, callee: str) -> tuple[Edge, ...]:
        return tuple(edge for edge in self.edges if edge.target == callee)
