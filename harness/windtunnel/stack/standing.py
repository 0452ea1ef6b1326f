"""What every system that we started ourselves can do once it stands, whatever its services are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Generic, Protocol, TypeVar

from windtunnel.errors import CapabilityError, StackError, TopologyError
from windtunnel.faults.base import UndoRecord
from windtunnel.stack.base import Address, ServiceState
from windtunnel.stack.edges import EdgeProxies
from windtunnel.stack.launch import Launch, Launchable
from windtunnel.stack.ports import LOOPBACK, PortReservation, reserve_fixed_port, reserve_port
from windtunnel.stack.quiet import await_quiet
from windtunnel.stack.secrets import Secrets
from windtunnel.topology.model import BackendName, Edge, Service, Topology
from windtunnel.toxiproxy import EdgeProxy
from windtunnel.undo import Run

START_PATIENCE = 30.0
"""Seconds from the start of the services until all must be ready."""
TERMINATION = 10.0
"""Seconds that a service has to end after SIGTERM."""


class Unit(Launchable, Protocol):
    """One service as the thing that runs it: a process group, a container."""

    added: dict[str, str]
    """Variables over the topology's; see `Stack.replace`."""

    def kill(self) -> None:
        """End it at once; returns when nothing of it runs. Harmless when nothing does."""

    def pause(self) -> None:
        """Freeze it; returns when it is frozen."""

    def record_of_pause(self) -> UndoRecord:
        """How another process undoes `pause`."""

    def resume(self) -> None:
        """Undo `pause`; returns when it runs."""

    def terminate(self, patience: float) -> None:
        """Ask it to end and wait until it has; raises `StackError` when it has not after `patience` seconds."""

    def state(self) -> ServiceState:
        """What it is doing now."""

    def throttle(self, share: float) -> None:
        """Give it that share of one processor."""

    def unthrottle(self) -> None:
        """Undo `throttle`. Harmless when there is nothing to undo."""

    @property
    def throttled(self) -> float | None:
        """The share; None: all that there is."""

    @property
    def held_back(self) -> int:
        """How often it was kept from running so far."""

    def limit_memory(self, headroom: int) -> None:
        """Give it what it has and so many bytes more."""

    def unlimit_memory(self) -> None:
        """Undo `limit_memory`. Harmless when there is nothing to undo."""

    @property
    def memory_limited(self) -> int | None:
        """The bytes that it may have; None: all that there is."""

    @property
    def memory_refusals(self) -> int:
        """How often the kernel refused it more so far."""

    def fill_disk(self) -> None:
        """Leave it no room to write."""

    def free_disk(self) -> None:
        """Undo `fill_disk`. Harmless when there is nothing to undo."""

    def disk_refusal(self) -> str:
        """What shows that it cannot write; empty when it can."""

    def last_written(self) -> float:
        """When its data last changed."""


U = TypeVar("U", bound=Unit)


class StandingStack(Generic[U]):
    """`Stack`, `Signals`, `Processor`, `Memory` and `Disk`, but for starting and stopping.

    A backend fills `_services` and `_edges`.
    """

    backend: BackendName

    def __init__(self, topology: Topology, run: Run) -> None:
        self.topology, self.run_id, self.proxy_kind = topology, run.run_id, ""
        self._run, self._stopped = run, False
        self._secrets = Secrets()
        self._ports: list[PortReservation] = []
        self._edges = EdgeProxies()
        self._services: dict[str, U] = {}

    def address(self, service: str) -> Address:
        return self._units(service)[0].address

    def edge_address(self, edge: str) -> Address:
        return self._placed.addresses[self._known(edge)[0]]

    def proxy(self, edge: str) -> EdgeProxy:
        return self._placed.proxy(self._the_one(edge, self._known(edge)))

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
        units = self._units(service)
        self._end(units)
        for unit in units:
            unit.added = dict(env)
        self._launch(*units)

    def until_quiet(self, timeout: float) -> None:
        places = {
            name: (unit.address, unit.instructions.service.quiet)
            for name, unit in self._services.items()
            if unit.instructions.service.quiet is not None
        }
        await_quiet(places, timeout, redact=self.redact)

    def kill(self, service: str) -> None:
        self._service(service).kill()

    def pause(self, service: str) -> None:
        self._service(service).pause()

    def record_of_pause(self, service: str) -> UndoRecord:
        return self._service(service).record_of_pause()

    def resume(self, service: str) -> None:
        self._service(service).resume()

    def start_service(self, service: str) -> None:
        unit = self._service(service)
        if unit.running:
            return
        unit.kill()  # workers that a dead leader left would keep its port
        self._launch(unit)

    def terminate(self, service: str, timeout: float = TERMINATION) -> None:
        """Raises `StackError` when it still runs after `timeout` seconds."""
        self._service(service).terminate(timeout)

    def state(self, service: str) -> ServiceState:
        return self._service(service).state()

    def throttle(self, service: str, share: float) -> None:
        self._service(service).throttle(share)

    def unthrottle(self, service: str) -> None:
        self._service(service).unthrottle()

    def throttled(self, service: str) -> float | None:
        return self._service(service).throttled

    def held_back(self, service: str) -> int:
        return self._service(service).held_back

    def limit_memory(self, service: str, headroom: int) -> None:
        self._service(service).limit_memory(headroom)

    def unlimit_memory(self, service: str) -> None:
        self._service(service).unlimit_memory()

    def memory_limited(self, service: str) -> int | None:
        return self._service(service).memory_limited

    def memory_refusals(self, service: str) -> int:
        return self._service(service).memory_refusals

    def fill_disk(self, service: str) -> None:
        self._service(service).fill_disk()

    def free_disk(self, service: str) -> None:
        self._service(service).free_disk()

    def disk_refusal(self, service: str) -> str:
        return self._service(service).disk_refusal()

    def last_written(self, service: str) -> float:
        return self._service(service).last_written()

    @property
    def _placed(self) -> EdgeProxies:
        if self._stopped:
            raise StackError("the system does not run; start it first")
        return self._edges

    def _own_edges(self) -> Iterator[Edge]:
        """The links that this backend has."""
        return (link for link in self.topology.links.values() if self.topology.has_edge(link, self.backend))

    def _known(self, edge: str) -> list[str]:
        """The links that an edge stands for."""
        links = self.topology.links_of(edge)
        if not all(self.topology.has_edge(link, self.backend) for link in links.values()):
            raise CapabilityError(f"the {self.backend} backend has no edge {edge}")
        return list(links)

    def _units(self, name: str) -> list[U]:
        """What runs as that service, in all its instances."""
        known = self.topology.instances_of(name)
        if not all(each in self._services for each in known):
            raise CapabilityError(f"the {self.backend} backend has no service {name}")
        return [self._services[each] for each in known]

    def _service(self, name: str) -> U:
        units = {unit.name: unit for unit in self._units(name)}
        return units[self._the_one(name, list(units))]

    def _the_one(self, name: str, found: Sequence[str]) -> str:
        if len(found) > 1:
            raise TopologyError(f"{name} is not one: name {' or '.join(found)}", path=self.topology.path)
        return found[0]

    def _reserve(self, service: Service | None = None) -> Address:
        """A loopback port of its own."""
        if service is None or service.port is None:
            reservation = reserve_port()
        else:
            reservation = reserve_fixed_port(service.port, wanted_by=service.name)
        self._ports.append(reservation)
        return Address(LOOPBACK, reservation.port)

    def _launch(self, *units: U) -> None:
        try:
            Launch({unit.name: unit for unit in units}, patience=START_PATIENCE, redact=self.redact).run()
        except BaseException:
            for unit in units:
                unit.kill()
            raise

    def _end(self, units: Sequence[U]) -> None:
        """End them all; a backend may ask them first."""
        with ExitStack() as steps:  # every one, whatever fails
            for unit in units:
                steps.callback(unit.kill)
