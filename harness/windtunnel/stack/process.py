"""The embedded backend: services as processes on loopback, a Toxiproxy in this process, nothing to install.

start:  ports ── proxies ── services, all at once ── ready
stop:   SIGTERM to all ── up to 5 s ── SIGKILL ── stragglers by their environment ── proxies ── folder ── ports
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

from windtunnel.errors import StackError
from windtunnel.stack.base import Address
from windtunnel.stack.edges import Hop, ProxyServer, ServerMaker, embedded
from windtunnel.stack.environment import ProcessInstructions
from windtunnel.stack.launch import Launch
from windtunnel.stack.logs import LogTicker, ServiceLog
from windtunnel.stack.service import ServiceProcess
from windtunnel.stack.standing import START_PATIENCE, StandingStack
from windtunnel.topology.instances import slug
from windtunnel.topology.model import BackendName, Topology
from windtunnel.toxiproxy import ToxiproxyClient
from windtunnel.undo import Run
from windtunnel.undo.processes import end_carriers

STACK_VARIABLE = "WINDTUNNEL_STACK"
"""In the environment of each service: a run can have several stacks, one after the other, and processes of no stack."""
STOP_PATIENCE = 5.0
"""Seconds that services have to end by themselves."""


class ProcessBackend:
    """Starts systems as processes of this machine. Linux only."""

    name: BackendName = "process"

    def __init__(self, proxy_server: ServerMaker = embedded, *, patience: float = START_PATIENCE) -> None:
        """`proxy_server`: what stands on the edges; ours records before any other."""
        self._proxy_server, self._patience = proxy_server, patience

    def start(self, topology: Topology, *, run: Run, seed: int = 0) -> ProcessStack:
        """Stand the system up; it is ready when this returns, and nothing of it is left when this raises.

        Raises `TopologyError` (this backend cannot run it), `PortTakenError`, `ServiceDiedError`, `NotReadyError`,
        `ProxyError`.
        """
        stack = ProcessStack(topology, run)
        try:
            stack.start(seed=seed, proxy_server=self._proxy_server, patience=self._patience)
        except BaseException:  # Ctrl-C too
            stack.stop()
            raise
        return stack


class ProcessStack(StandingStack[ServiceProcess]):
    """A system of processes; `Stack`, `Signals`, `Processor`, `Memory` and `Disk`. Made by `ProcessBackend.start`."""

    backend: BackendName = "process"

    def __init__(self, topology: Topology, run: Run) -> None:
        super().__init__(topology, run)
        self.directory, self._logs = run.folder("stack"), run.folder("logs")
        self._owner, self._open = os.getpid(), ExitStack()
        self._servers: list[ToxiproxyClient] = []
        self._ticker: LogTicker | None = None
        atexit.register(self.stop)

    def start(self, *, seed: int, proxy_server: ServerMaker, patience: float) -> None:
        """Called once, by the backend."""
        services = {name: one for name, one in self.topology.instances.items() if one.runs_on(self.backend)}
        addresses = {name: self._reserve(service) for name, service in services.items()}
        self._open_servers(seed, proxy_server)
        for edge in self._own_edges():
            way = [Hop(server=server, listen=self._reserve()) for server in self._servers]
            self._edges.add(edge.name, way, str(addresses[edge.target]), http=edge.protocol == "http")
        self._services = {name: self._prepare(name, address) for name, address in addresses.items()}
        self._ticker = LogTicker(tuple(service.log for service in self._services.values()))
        Launch(self._services, patience=patience, redact=self.redact).run()

    @property
    def proxy_api(self) -> Address:
        if self._stopped or not self._servers:
            raise StackError("the system does not run; start it first")
        return address_in(self._servers[-1].url)

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
            steps.callback(self._open.close)
            if self._ticker is not None:
                steps.callback(self._ticker.close)
            steps.callback(self._end_stragglers)
            steps.callback(self._end, list(self._services.values()))

    def _open_servers(self, seed: int, proxy_server: ServerMaker) -> None:
        """The one with the toxics is the last."""
        kind = "embedded" if proxy_server is embedded else "toxiproxy"
        if proxy_server is not embedded:
            self._open_server(embedded(seed))
        last = self._open_server(proxy_server(seed))
        self.proxy_kind = f"{kind} {last.version()}"

    def _open_server(self, server: ProxyServer) -> ToxiproxyClient:
        self._open.enter_context(server)
        client = self._open.enter_context(ToxiproxyClient(server.url))
        self._run.journal.dies_with_run(client.url)
        self._servers.append(client)
        return client

    @property
    def _mark(self) -> str:
        return f"{self.run_id}/{self.directory.name}"

    def _prepare(self, name: str, address: Address) -> ServiceProcess:
        instructions = ProcessInstructions(
            service=self.topology.instances[name],
            topology=self.topology,
            port=address.port,
            folder=self.directory,
            edges=tuple((e, self.edge_address(e.name)) for e in self._own_edges() if e.source == name),
            secrets=self._secrets,
            marks={**self._run.env, STACK_VARIABLE: self._mark},
        )
        instructions.command()
        instructions.environment()  # what is wrong with it is better known before anything runs
        return ServiceProcess(instructions, ServiceLog(self._logs / f"{slug(name)}.log"), self._run.journal)

    def _end(self, processes: Sequence[ServiceProcess]) -> None:
        """Ask all at once, wait for all, end what is left."""
        for process in processes:
            process.ask_to_end()
        deadline = time.monotonic() + STOP_PATIENCE
        while any(process.running for process in processes):
            if time.monotonic() > deadline:
                break
            time.sleep(0.005)
        super()._end(processes)

    def _end_stragglers(self) -> None:
        """What left its group is still known by its environment."""
        left = end_carriers(STACK_VARIABLE, self._mark)
        if left:
            raise StackError(f"these processes do not end: {', '.join(str(process.pid) for process in left)}")

    def _remove_folder(self) -> None:
        from shutil import rmtree

        with suppress(FileNotFoundError):
            rmtree(self.directory)


def address_in(url: str) -> Address:
    """Host and port of a URL."""
    parts = urlsplit(url)
    return Address(parts.hostname or "", parts.port or 0)
