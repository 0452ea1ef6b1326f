"""The docker backend: a container for each service, Shopify's Toxiproxy behind our recorder on every edge.

start:  journal ── images ── networks ── proxies ── edges ── services, ready through their published ports
stop:   containers, networks, volumes by the run's label ── journal

    caller ─> recorder (container) ─> Toxiproxy (container) ─> callee        we ─> callee: a published port on loopback

Needs an engine on this machine whose networks it has routes to (Linux): proxies are reached at their own addresses,
because a published port hides a refusal and a reset.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from ipaddress import IPv4Network
from typing import Any

from windtunnel.errors import NotReadyError, StackError
from windtunnel.faults.base import UndoRecord
from windtunnel.stack.backends import ProxyName
from windtunnel.stack.base import Address
from windtunnel.stack.bounded_disk import BoundedDisk
from windtunnel.stack.container import ContainerInstructions, ServiceContainer
from windtunnel.stack.edges import Hop
from windtunnel.stack.engine import API_TIMEOUT, RunEngine
from windtunnel.stack.images import ensure_images, recorder_image, service_image, toxiproxy_image, wanted_images
from windtunnel.stack.launch import Launch
from windtunnel.stack.layout import TOXIPROXY, Layout, PlannedEdge, lay_out, recorder
from windtunnel.stack.logs import LogTicker, ServiceLog
from windtunnel.stack.readiness import ask
from windtunnel.stack.standing import StandingStack
from windtunnel.stack.underway import Underway
from windtunnel.topology.instances import service_of, slug
from windtunnel.topology.model import BackendName, Container, Topology
from windtunnel.toxiproxy import ToxiproxyClient
from windtunnel.undo import Run
from windtunnel.undo.containers import EMPTY_LOOKS, remove_all

START_PATIENCE = 60.0
"""Seconds from the start of the services until all must be ready."""
PROXY_PATIENCE = 20.0
API_PORT = 8474
AT_ONCE = 8
"""Calls to the engine at the same time."""
POLL = 0.02


class DockerBackend:
    """Starts systems as containers of an engine on this machine."""

    name: BackendName = "docker"

    def __init__(self, *, proxy: ProxyName = "toxiproxy", patience: float = START_PATIENCE) -> None:
        """`proxy`: what has the toxics; with `embedded` the recorder has them itself."""
        self._proxy, self._patience = proxy, patience

    def start(self, topology: Topology, *, run: Run, seed: int = 0) -> DockerStack:
        """Stand the system up; it is ready when this returns, and nothing of it is left when this raises.

        Raises `BackendError` (no engine, no image), `TopologyError`, `ServiceDiedError`, `NotReadyError`, `ProxyError`.
        """
        stack = DockerStack(topology, run)
        try:
            stack.start(seed=seed, toxiproxy=self._proxy == "toxiproxy", patience=self._patience)
        except BaseException:  # Ctrl-C too
            stack.stop()
            raise
        return stack


class DockerStack(StandingStack[ServiceContainer]):
    """A system of containers; `Stack`, `Signals`, `Processor`, `Memory`, `Disk` and `Networks`.

    Made by `DockerBackend.start`.
    """

    backend: BackendName = "docker"

    def __init__(self, topology: Topology, run: Run) -> None:
        super().__init__(topology, run)
        self._logs, self._owner, self._open = run.folder("logs"), os.getpid(), ExitStack()
        self._engine = RunEngine(run.run_id)
        self._open.callback(self._engine.close)
        self._layout: Layout | None = None
        self._subnets: dict[str, IPv4Network] = {}
        self._servers: dict[str, ToxiproxyClient] = {}
        self._disks: dict[str, BoundedDisk] = {}
        self._ticker: LogTicker | None = None
        self._record, self._complete, self._underway = "", False, Underway()
        atexit.register(self.stop)

    def start(self, *, seed: int, toxiproxy: bool, patience: float) -> None:
        """Called once, by the backend."""
        services = {name: one for name, one in self.topology.instances.items() if one.runs_on(self.backend)}
        self._layout = lay_out(self.topology, services, tuple(self._own_edges()), toxiproxy=toxiproxy)
        wanted = wanted_images(self.topology, toxiproxy=toxiproxy)
        ensure_images(wanted, self._engine.api, self._engine.client.client)
        record = UndoRecord(op="containers_remove", data={"engine": self._engine.api.url, "run": self.run_id})
        self._record = self._run.journal.plan(record)
        # Whatever the engine makes is asked for in the pool: Ctrl-C interrupts us, not the call, which `_remove_all`
        # waits for. What the engine is still making could not be found, and would stay.
        with ThreadPoolExecutor(AT_ONCE) as pool:

            def making(act: Callable[..., Any], *of: Any) -> Future[Any]:
                return pool.submit(partial(self._underway.run, act, *of))

            for name, network in self._layout.networks.items():
                self._subnets[name] = making(self._engine.create_network, name, network.prefix).result()
            self._services = {name: making(self._prepare, name).result() for name in services}
            self._ticker = LogTicker(tuple(service.log for service in self._services.values()))
            made = [making(service.prepare) for service in self._services.values()]
            self._start_proxies(making, seed, toxiproxy=toxiproxy)
            for future in made:
                future.result()
        for planned in self._layout.edges:
            self._add_edge(planned)
        Launch(self._services, patience=patience, redact=self.redact).run()
        self._complete = True

    @property
    def proxy_api(self) -> Address:
        if self._stopped or not self._servers:
            raise StackError("the system does not run; start it first")
        return Address(self._proxy_host(self._last), API_PORT)

    def connected(self, service: str) -> bool:
        """Whether the service's container is on its network."""
        container = self._service(service).container
        container.reload()
        return self._engine.name(self._planned.home(service)) in container.attrs["NetworkSettings"]["Networks"]

    def disconnect(self, service: str) -> None:
        """Take it off its network: it runs, and nobody reaches it."""
        if self.connected(service):
            self._engine.disconnect(self._planned.home(service), self._service(service).container)

    def reconnect(self, service: str) -> None:
        """Put it back, at the same address. Harmless when it is there."""
        if not self.connected(service):
            home = self._planned.home(service)
            self._engine.connect(home, self._service(service).container, *self._place(home, service)[1:])

    def stop(self) -> None:
        # A forked child inherits this object and its atexit hook, not the system.
        if self._stopped or os.getpid() != self._owner:
            return
        self._stopped = True
        atexit.unregister(self.stop)
        with ExitStack() as steps:  # every step is taken, in reverse order, whatever fails
            for port in self._ports:
                steps.callback(port.release)
            steps.callback(self._open.close)
            for service in self._services.values():
                steps.callback(service.close)
            steps.callback(self._remove_all)
            if self._ticker is not None:
                steps.callback(self._ticker.close)

    def _remove_all(self) -> None:
        if self._record:
            answered = self._underway.close(API_TIMEOUT)
            # After a whole start nothing is on its way; an engine that does not answer may still be making something.
            remove_all(self._engine.api, self.run_id, looks=1 if self._complete and answered else EMPTY_LOOKS)
            self._run.journal.done(self._record)

    @property
    def _planned(self) -> Layout:
        if self._layout is None:
            raise StackError("the system does not run; start it first")
        return self._layout

    @property
    def _last(self) -> str:
        """The container that has the toxics."""
        return TOXIPROXY if TOXIPROXY in self._servers else recorder(0)

    def _place(self, network: str, member: str) -> tuple[str, str, list[str]]:
        plan = self._planned.networks[network]
        return network, str(plan.address(member, self._subnets[network])), plan.members[member]

    def _places(self, member: str) -> list[tuple[str, str, list[str]]]:
        return [self._place(name, member) for name, plan in self._planned.networks.items() if member in plan.members]

    def _start_proxies(self, making: Callable[..., Future[Any]], seed: int, *, toxiproxy: bool) -> None:
        names = [recorder(number) for number in range(self._planned.recorders)]
        starts = [making(self._start_proxy, n, recorder_image(), [f"--seed={seed}"]) for n in names]
        if toxiproxy:
            names.append(TOXIPROXY)
            starts.append(making(self._start_proxy, TOXIPROXY, toxiproxy_image(), ["-host=0.0.0.0"]))
        for name, start in zip(names, starts, strict=True):
            start.result()
            self._servers[name] = self._await_proxy(name)
        kind = "toxiproxy" if toxiproxy else "embedded"
        self.proxy_kind = f"{kind} {self._servers[self._last].version()}"

    def _start_proxy(self, name: str, image: str, command: list[str]) -> None:
        # The first recorder holds the disks that live only as long as somebody has them.
        disks = self._disks if name == recorder(0) else {}
        mounts = {volume: {"bind": disk.place, "mode": "rw"} for volume, disk in disks.items()}
        self._engine.create_container(name, image, command, env={}, places=self._places(name), volumes=mounts).start()

    def _await_proxy(self, name: str) -> ToxiproxyClient:
        address, deadline = Address(self._proxy_host(name), API_PORT), time.monotonic() + PROXY_PATIENCE
        while (answer := ask(address, "/version"))[0] != 200:
            if time.monotonic() > deadline:
                log = self._engine.client.client.containers.get(self._engine.name(name)).logs(tail=5).decode()
                raise NotReadyError(
                    f"{name} did not answer at {address} within {PROXY_PATIENCE:g}s ({answer[1]}); is the engine on "
                    f"this machine, and may this process reach its networks? Its log: {log.strip()[-500:] or '(empty)'}"
                )
            time.sleep(POLL)
        client = self._open.enter_context(ToxiproxyClient(f"http://{address}"))
        self._run.journal.dies_with_run(client.url)
        return client

    def _proxy_host(self, name: str) -> str:
        return self._place(self._planned.core, name)[1]

    def _add_edge(self, planned: PlannedEdge) -> None:
        host = self._place(planned.network, planned.recorder)[1]
        way = [Hop(server=self._servers[planned.recorder], listen=Address(host, planned.port))]
        if self._last == TOXIPROXY:
            between = Address(self._proxy_host(TOXIPROXY), planned.between)
            way.append(Hop(server=self._servers[TOXIPROXY], listen=between))
        target = planned.edge.target
        # By name: that of a container which is gone is unknown at once, its address is silent for seconds.
        upstream = f"{self._engine.name(target)}:{self._container_of(target).port}"
        self._edges.add(planned.edge.name, way, upstream, http=planned.edge.protocol == "http")

    def _container_of(self, service: str) -> Container:
        container = self.topology.instances[service].container
        if container is None:
            raise StackError(f"{service} is no container")
        return container

    def _prepare(self, name: str) -> ServiceContainer:
        service, container = self.topology.instances[name], self._container_of(name)
        instructions = ContainerInstructions(
            service=service,
            topology=self.topology,
            container=container,
            port=container.port,
            edges=tuple((p.edge, self._told(p)) for p in self._planned.edges if p.edge.source == name),
            secrets=self._secrets,
            marks=self._run.env,
        )
        instructions.command()
        instructions.environment()  # what is wrong with it is better known before anything runs
        address = self._reserve(service)
        # Made once, by whichever instance comes first: a volume that is there is taken as it is.
        volume, disk = self._engine.create_volume(f"{service_of(name)}-data", container.disk), None
        if container.disk:
            disk = self._disks.setdefault(volume, BoundedDisk(service_of(name), self._first_recorder))
        create = partial(
            self._engine.create_container,
            name,
            service_image(self.topology, service_of(name)),
            places=self._places(name),
            ports={f"{container.port}/tcp": (address.host, address.port)},
            volumes={volume: {"bind": container.data, "mode": "rw"}},
            init=True,
            healthcheck={"test": ["NONE"]},  # we ask ourselves; six interpreters every few seconds would be felt
        )
        return ServiceContainer(instructions, address, ServiceLog(self._logs / f"{slug(name)}.log"), create, disk)

    def _first_recorder(self) -> Any:
        return self._engine.client.client.containers.get(self._engine.name(recorder(0)))

    def _told(self, planned: PlannedEdge) -> Address:
        return Address(self._place(planned.network, planned.recorder)[1], planned.port)
