"""The external backend: the system runs elsewhere already. We give it load, and toxics where that is allowed.

    client ─> [ its Toxiproxy ] ─> its services          start: are services and proxies there?    stop: nothing to do

Nothing is started, stopped or created but toxics, which the run removes, or the reaper from the journal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from urllib.parse import urlsplit

from windtunnel.api_url import credentials
from windtunnel.document import unknown
from windtunnel.errors import CapabilityError, NotReadyError, TopologyError
from windtunnel.stack.base import Address
from windtunnel.stack.quiet import await_quiet
from windtunnel.stack.readiness import ask
from windtunnel.stack.remote import Permit, RemoteProxy, evidence_of
from windtunnel.stack.secrets import Secrets
from windtunnel.topology.model import BackendName, Edge, ProxyPlace, Topology
from windtunnel.toxiproxy import Act, EdgeProxy, ToxiproxyClient
from windtunnel.undo import Run

READY_PATIENCE = 10.0
"""Seconds that a service has to say that it is ready: it runs already, and may just be being deployed."""
POLL = 0.1
WILDCARDS = ("", "0.0.0.0", "::")
"""What a server that listens on all its addresses states; callers reach it where its API is."""


class ExternalBackend:
    """Reaches systems that run already."""

    name: BackendName = "external"

    def __init__(self, *, patience: float = READY_PATIENCE) -> None:
        self._patience = patience

    def start(self, topology: Topology, *, run: Run, seed: int = 0) -> ExternalStack:
        """Look whether all of it is there. `seed` reaches no server that is not ours.

        Raises `TopologyError` (a proxy that its server does not have), `NotReadyError`, `ProxyError`.
        """
        stack = ExternalStack(topology, run)
        try:
            stack.look(self._patience)
        except BaseException:
            stack.stop()
            raise
        return stack


class ExternalStack:
    """A system that runs elsewhere; a `Stack`, with no power over its services. Made by `ExternalBackend.start`."""

    backend: BackendName = "external"

    def __init__(self, topology: Topology, run: Run) -> None:
        self.topology, self.run_id, self.proxy_kind = topology, run.run_id, "none"
        self._open, self._secrets = ExitStack(), Secrets()
        self._servers: dict[str, ToxiproxyClient] = {}
        self._proxies: dict[str, EdgeProxy] = {}
        self._addresses: dict[str, Address] = {}

    def look(self, patience: float) -> None:
        """Called once, by the backend."""
        for name in self.topology.replicas:
            raise TopologyError(
                f"services.{name}: replicas cannot be told apart behind one URL; on the external backend leave replicas"
                " out, or make each instance a service of its own",
                path=self.topology.path,
            )
        edges = [edge for edge in self.topology.edges if self.topology.has_edge(edge, self.backend)]
        for edge in edges:
            if edge.via_proxy is not None:
                self._find(edge, edge.via_proxy)
            else:
                self._addresses[edge.name] = self.address(edge.target)
        kinds = {f"{self._kind(client)} {client.version()}" for client in self._servers.values()}
        self.proxy_kind = ", ".join(sorted(kinds)) or "none"
        deadline = time.monotonic() + patience
        for service in self.topology.services.values():
            if service.runs_on(self.backend):
                self._await(service.name, service.ready, deadline, patience)

    @property
    def proxy_api(self) -> Address:
        """There is none to be had: a bare client could touch what the allow-list does not name."""
        raise CapabilityError("the external backend hands out no bare Toxiproxy client: only what its allow-list names")

    def address(self, service: str) -> Address:
        if service not in self.topology.services:
            raise TopologyError(unknown("service", service, self.topology.services), path=self.topology.path)
        place = self.topology.services[service].place
        if not place:
            raise CapabilityError(f"the external backend has no service {service}: it has no external: {{url: ...}}")
        return _address(place)

    def edge_address(self, edge: str) -> Address:
        self._require(edge)
        return self._addresses[edge]

    def proxy(self, edge: str) -> EdgeProxy:
        self._require(edge)
        if edge not in self._proxies:
            raise CapabilityError(f"edge {edge} has no proxy here; name it: via: {{proxy: NAME, api: URL}}")
        return self._proxies[edge]

    def log_lines(self, service: str, since: float = 0.0) -> list[str]:
        """None: the logs are where the services are."""
        return []

    def redact(self, text: str) -> str:
        return self._secrets.redact(text)

    def replace(self, service: str, env: Mapping[str, str]) -> None:
        raise CapabilityError(f"the external backend cannot start a changed {service}")

    def until_quiet(self, timeout: float) -> None:
        places = {
            name: (self.address(name), service.quiet)
            for name, service in self.topology.services.items()
            if service.quiet is not None and service.runs_on(self.backend)
        }
        await_quiet(places, timeout, redact=self.redact)

    def stop(self) -> None:
        self._open.close()

    def _find(self, edge: Edge, place: ProxyPlace) -> None:
        known = credentials(place.api)
        if known is not None:
            self._secrets.add("proxy_password", known[1])
        if place.api not in self._servers:
            self._servers[place.api] = self._open.enter_context(ToxiproxyClient(place.api))
        client = self._servers[place.api]
        proxies = client.proxies()
        if place.name not in proxies:
            raise TopologyError(
                f"edge {edge.name}: {unknown('proxy', place.name, proxies)}", path=self.topology.path, line=edge.line
            )
        host, _, port = proxies[place.name].listen.rpartition(":")
        if host.strip("[]") in WILDCARDS:
            host = urlsplit(place.api).hostname or ""
        self._addresses[edge.name] = _address(place.listen or f"{host}:{port}")
        permit = Permit(edge=edge.name, acts=self._acts(edge.name), tag=f"wt-{self.run_id}-")
        self._proxies[edge.name] = RemoteProxy(client, place.name, permit, evidence_of(client, place.name))

    def _acts(self, edge: str) -> frozenset[Act]:
        allow = self.topology.allow
        lists: Mapping[Act, frozenset[str]] = {"toxics": allow.toxics, "disable": allow.disable}
        return frozenset(act for act, names in lists.items() if edge in names)

    def _kind(self, client: ToxiproxyClient) -> str:
        ours = any(p.client is client and p.evidence == "connections" for p in self._proxies.values())
        return "windtunnel proxy" if ours else "toxiproxy"

    def _await(self, name: str, path: str, deadline: float, patience: float) -> None:
        address = self.address(name)
        answer: Callable[[], tuple[int | None, str]] = lambda: ask(address, path)  # noqa: E731
        while (seen := answer())[0] != 200:
            if time.monotonic() > deadline:
                told = f"answered {seen[0]}" if seen[0] else f"did not answer ({seen[1]})"
                raise NotReadyError(
                    self.redact(f"{name} at {address} {told} on {path} for {patience:g}s; does the system run there?")
                )
            time.sleep(POLL)

    def _require(self, edge: str) -> None:
        if not self.topology.has_edge(self.topology.edge(edge), self.backend):
            raise CapabilityError(f"the {self.backend} backend has no edge {edge}")


def _address(place: str) -> Address:
    host, _, port = place.rpartition(":")
    return Address(host.strip("[]"), int(port))
