"""The embedded backend: services as processes on loopback, a Toxiproxy in this process, nothing to install.

start:  ports ── proxies ── services, all at once ── ready
stop:   SIGTERM to all ── up to 5 s ── SIGKILL ── stragglers by their environment ── proxies ── folder ── ports
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress

from windtunnel.errors import CapabilityError, StackError, TopologyError
from windtunnel.stack.base import Address, ServiceState
from windtunnel.stack.edges import EdgeProxies, ProxyServer, embedded
from windtunnel.stack.environment import Instructions
from windtunnel.stack.launch import Launch, address_of
from windtunnel.stack.logs import LogTicker, ServiceLog
from windtunnel.stack.ports import LOOPBACK, PortReservation, reserve_fixed_port, reserve_port
from windtunnel.stack.quiet import await_quiet
from windtunnel.stack.secrets import Secrets
from windtunnel.stack.service import ServiceProcess
from windtunnel.topology.model import BackendName, Edge, Service, Topology
from windtunnel.toxiproxy import EdgeProxy
from windtunnel.undo import Run
from windtunnel.undo.processes import end_carriers

STACK_VARIABLE = "WINDTUNNEL_STACK"
"""In the environment of each service: a run can have several stacks, one after the other, and processes of no stack."""
START_PATIENCE = 30.0
"""Seconds from the start of the services until all must be ready."""
STOP_PATIENCE = 5.0
"""Seconds that services have to end by themselves."""


class ProcessBackend:
    """Starts systems as processes of this machine. Linux only."""

    name: BackendName = "process"

    def start(
        self,
        topology: Topology,
        *,
        run: Run,
        seed: int = 0,
        proxy_server: Callable[[int], ProxyServer] = embedded,
        patience: float = START_PATIENCE,
    ) -> ProcessStack:
        """Stand the system up; it is ready when this returns, and nothing of it is left when this raises.

        Raises `TopologyError` (this backend cannot run it), `PortTakenError`, `ServiceDiedError`, `NotReadyError`,
        `ProxyError`.
        """
        for service in topology.services.values():
            if service.replicas != 1:
                raise TopologyError(
                    f"service {service.name!r}: the process backend starts one of each, not {service.replicas}; "
                    f"write replicas: 1",
                    path=topology.path,
                    line=service.line or None,
                )
        stack = ProcessStack(topology, run)
        try:
            stack.start(seed=seed, proxy_server=proxy_server, patience=patience)
        except BaseException:  # Ctrl-C too
            stack.stop()
            raise
        return stack


class ProcessStack:
    """A system of processes; `Stack` and `Signals`. Made by `ProcessBackend.start`."""

    backend: BackendName = "process"

    def __init__(self, topology: Topology, run: Run) -> None:
        self.topology, self.run_id, self.proxy_kind = topology, run.run_id, ""
        self.directory, self._logs = run.folder("stack"), run.folder("logs")
        self._run, self._owner, self._stopped = run, os.getpid(), False
        self._secrets = Secrets()
        self._ports: list[PortReservation] = []
        self._proxies: EdgeProxies | None = None
        self._services: dict[str, ServiceProcess] = {}
        self._ticker: LogTicker | None = None
        atexit.register(self.stop)

    def start(self, *, seed: int, proxy_server: Callable[[int], ProxyServer], patience: float) -> None:
        """Called once, by the backend."""
        addresses = {name: self._reserve(service) for name, service in self.topology.services.items()}
        self._proxies = EdgeProxies(proxy_server, seed)
        self.proxy_kind = f"{proxy_server.__name__} {self._proxies.client.version()}"
        self._run.journal.dies_with_run(self._proxies.client.url)
        for edge in self._edges():
            self._proxies.add(edge.name, self._reserve(), addresses[edge.target], http=edge.protocol == "http")
        self._services = {name: self._prepare(name, address) for name, address in addresses.items()}
        self._ticker = LogTicker(tuple(service.log for service in self._services.values()))
        Launch(self._services, patience=patience, redact=self.redact).run()

    @property
    def proxy_api(self) -> Address:
        """Where the API of the Toxiproxy answers."""
        return self._edge_proxies.api

    def address(self, service: str) -> Address:
        return address_of(self._service(service))

    def edge_address(self, edge: str) -> Address:
        return self._edge_proxies.addresses[self._known(edge)]

    def proxy(self, edge: str) -> EdgeProxy:
        return self._edge_proxies.proxy(self._known(edge))

    def log_lines(self, service: str, since: float = 0.0) -> list[str]:
        """May begin a tenth of a second too early. Can be asked after `stop()`, until the run ends."""
        return [self.redact(line) for line in self._service(service).log.lines(since)]

    def redact(self, text: str) -> str:
        return self._secrets.redact(text)

    @property
    def secrets(self) -> Mapping[str, str]:
        """By name, what `${secret:NAME}` became in this run: so that a test can look for it where it must not be."""
        return self._secrets.made

    def replace(self, service: str, env: Mapping[str, str]) -> None:
        process = self._service(service)
        self._end([process])
        process.added = dict(env)
        self._launch(process)

    def until_quiet(self, timeout: float) -> None:
        """Wait until every service that can tell says that it is at rest. Raises `NotQuietError`."""
        places = {
            name: (self.address(name), service.quiet)
            for name, service in self.topology.services.items()
            if service.quiet is not None
        }
        await_quiet(places, timeout, redact=self.redact)

    def kill(self, service: str) -> None:
        self._service(service).kill()

    def pause(self, service: str) -> None:
        self._service(service).pause()

    def resume(self, service: str) -> None:
        self._service(service).resume()

    def start_service(self, service: str) -> None:
        process = self._service(service)
        if process.running:
            return
        process.kill()  # workers that a dead leader left would keep its port
        self._launch(process)

    def terminate(self, service: str, timeout: float = 10.0) -> None:
        """Raises `StackError` when it still runs after `timeout` seconds."""
        self._service(service).terminate(timeout)

    def state(self, service: str) -> ServiceState:
        return self._service(service).state()

    def stop(self) -> None:
        # A forked child inherits this object and its atexit hook, not the system.
        if self._stopped or os.getpid() != self._owner:
            return
        self._stopped = True
        atexit.unregister(self.stop)
        with ExitStack() as steps:  # every step is taken, in reverse order, whatever fails
            for port in self._ports:
                steps.callback(port.release)
            steps.callback(self._remove_folder)
            if self._proxies is not None:
                steps.callback(self._proxies.close)
            if self._ticker is not None:
                steps.callback(self._ticker.close)
            steps.callback(self._end_stragglers)
            steps.callback(self._end, list(self._services.values()))

    @property
    def _mark(self) -> str:
        return f"{self.run_id}/{self.directory.name}"

    @property
    def _edge_proxies(self) -> EdgeProxies:
        if self._proxies is None or self._stopped:
            raise StackError("the system does not run; start it first")
        return self._proxies

    def _edges(self) -> list[Edge]:
        return [edge for edge in self.topology.edges if self.backend in edge.backends]

    def _known(self, edge: str) -> str:
        if self.backend not in self.topology.edge(edge).backends:
            raise CapabilityError(f"the process backend has no edge {edge}")
        return edge

    def _service(self, name: str) -> ServiceProcess:
        if name not in self._services:
            raise TopologyError(f"no service {name!r}; known: {', '.join(self._services)}", path=self.topology.path)
        return self._services[name]

    def _reserve(self, service: Service | None = None) -> Address:
        if service is None or service.port is None:
            reservation = reserve_port()
        else:
            reservation = reserve_fixed_port(service.port, wanted_by=service.name)
        self._ports.append(reservation)
        return Address(LOOPBACK, reservation.port)

    def _prepare(self, name: str, address: Address) -> ServiceProcess:
        folder = self.directory / name
        folder.mkdir()
        instructions = Instructions(
            service=self.topology.services[name],
            topology=self.topology,
            port=address.port,
            folder=folder,
            edges=tuple((e, self.edge_address(e.name)) for e in self._edges() if e.source == name),
            secrets=self._secrets,
            marks={**self._run.env, STACK_VARIABLE: self._mark},
        )
        instructions.command()
        instructions.environment()  # what is wrong with it is better known before anything runs
        return ServiceProcess(instructions, ServiceLog(self._logs / f"{name}.log"), self._run.journal)

    def _launch(self, process: ServiceProcess) -> None:
        try:
            Launch({process.name: process}, patience=START_PATIENCE, redact=self.redact).run()
        except BaseException:
            process.kill()
            raise

    def _end(self, processes: list[ServiceProcess]) -> None:
        """Ask all at once, wait for all, end what is left."""
        for process in processes:
            process.ask_to_end()
        deadline = time.monotonic() + STOP_PATIENCE
        while any(process.running for process in processes):
            if time.monotonic() > deadline:
                break
            time.sleep(0.005)
        with ExitStack() as steps:
            for process in processes:
                steps.callback(process.kill)

    def _end_stragglers(self) -> None:
        """What left its group is still known by its environment."""
        left = end_carriers(STACK_VARIABLE, self._mark)
        if left:
            raise StackError(f"these processes do not end: {', '.join(str(process.pid) for process in left)}")

    def _remove_folder(self) -> None:
        from shutil import rmtree

        with suppress(FileNotFoundError):
            rmtree(self.directory)
