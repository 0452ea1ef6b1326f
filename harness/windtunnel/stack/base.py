"""What a running system offers to everything above it. One file a backend implements these.

A backend has the abilities it has: signals, resources and networks are protocols of their own. Who needs one asks
`isinstance(stack, Signals)`, and says what is missing (`CapabilityError`) instead of doing half a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from windtunnel.topology.model import BackendName, Topology
from windtunnel.toxiproxy import EdgeProxy

if TYPE_CHECKING:
    from windtunnel.faults.base import UndoRecord
    from windtunnel.undo import Run


@dataclass(frozen=True)
class Address:
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """What the operating system says of a service. `started` is a start time that changes with every restart."""

    state: Literal["running", "stopped", "gone"]
    """`stopped` is frozen, by a signal or by its cgroup; `gone` has no process."""
    pids: tuple[int, ...]
    started: float
    """Seconds, on a clock of the backend's own: only the order of two of one service means something."""


@runtime_checkable
class Stack(Protocol):
    """A running system, each edge through its proxy.

    Services and edges are named as in `Topology.instances` and `Topology.links`. Where a service has several instances,
    its own name means the first one for `address` and `edge_address`, all for `replace`, and is a `TopologyError` where
    one is needed.
    """

    topology: Topology
    run_id: str
    backend: BackendName
    proxy_kind: str
    """`embedded` or `toxiproxy`, with its version: for headers and reports."""

    @property
    def proxy_api(self) -> Address:
        """Where the API of the Toxiproxy answers that has the toxics."""

    def address(self, service: str) -> Address:
        """Where the service itself listens, past every proxy: for probes, invariants and canaries."""

    def edge_address(self, edge: str) -> Address:
        """Where the edge's proxy listens: what its caller was told."""

    def proxy(self, edge: str) -> EdgeProxy:
        """The proxy on that edge."""

    def log_lines(self, service: str, since: float = 0.0) -> list[str]:
        """What the service wrote since that moment (monotonic seconds), secrets redacted."""

    def redact(self, text: str) -> str:
        """The text without any secret of this run."""

    def replace(self, service: str, env: Mapping[str, str]) -> None:
        """Start the service again with these variables added; ready when it returns. `{}` gives the original back."""

    def until_quiet(self, timeout: float) -> None:
        """Wait until every service that can tell says that it is at rest. Raises `NotQuietError`."""

    def stop(self) -> None:
        """Take everything down. Can be called twice."""


class Backend(Protocol):
    """Stands systems up."""

    name: BackendName

    def start(self, topology: Topology, *, run: Run, seed: int = 0) -> Stack:
        """Stand the system up; it is ready when this returns, and nothing of it is left when this raises.

        Raises `TopologyError` (this backend cannot run it), `StackError`, `ProxyError`.
        """


@runtime_checkable
class Processor(Protocol):
    """Power over the processor time of a service."""

    def throttle(self, service: str, share: float) -> None:
        """Give it that share of one processor, above 0."""

    def unthrottle(self, service: str) -> None:
        """Give it all that there is. Harmless when it has."""

    def throttled(self, service: str) -> float | None:
        """The share that it has; None: all that there is."""

    def held_back(self, service: str) -> int:
        """How often it was kept from running so far; only grows while it runs."""


@runtime_checkable
class Memory(Protocol):
    """Power over the memory of a service."""

    def limit_memory(self, service: str, headroom: int) -> None:
        """Give it what it has now and so many bytes more."""

    def unlimit_memory(self, service: str) -> None:
        """Give it all that there is. Harmless when it has."""

    def memory_limited(self, service: str) -> int | None:
        """The bytes that it may have; None: all that there is."""

    def memory_refusals(self, service: str) -> int:
        """How often it was refused more so far, as the kernel counts; 0 where that is not counted."""


@runtime_checkable
class Disk(Protocol):
    """Power over the disk that a service keeps its data on. Raises `CapabilityError` where it has no bounds."""

    def fill_disk(self, service: str) -> None:
        """Leave it no room."""

    def free_disk(self, service: str) -> None:
        """Undo `fill_disk`. Harmless when there is room."""

    def disk_refusal(self, service: str) -> str:
        """What shows that it cannot write a byte more, in words; empty when it can."""

    def last_written(self, service: str) -> float:
        """When its data last changed, in seconds on a clock of the backend's own; 0 when it has none."""


@runtime_checkable
class Networks(Protocol):
    """Power over which network a service is on."""

    def disconnect(self, service: str) -> None:
        """Take it off its network: it runs, and nobody reaches it. Harmless when it is off."""

    def reconnect(self, service: str) -> None:
        """Put it back, at its old address. Harmless when it is there."""

    def connected(self, service: str) -> bool:
        """Whether it is on its network."""


@runtime_checkable
class Signals(Protocol):
    """Process-level power over a service."""

    def kill(self, service: str) -> None:
        """End it at once, without a chance to clean up."""

    def pause(self, service: str) -> None:
        """Freeze it: sockets stay open, nothing moves."""

    def resume(self, service: str) -> None:
        """Undo `pause`. Harmless when it is running."""

    def record_of_pause(self, service: str) -> UndoRecord:
        """How another process undoes `pause`."""

    def start_service(self, service: str) -> None:
        """Start it again on its old port; ready when this returns. Harmless when it is running."""

    def terminate(self, service: str) -> None:
        """Ask it to end gracefully (SIGTERM) and wait until it has."""

    def state(self, service: str) -> ServiceState:
        """What it is doing now."""
