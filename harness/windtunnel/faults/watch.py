"""One edge that a fault is put on: how it was before, what passed, and what of that was our own.

Watch.begin ── healthy canaries ── mark ── ... baseline ... ── freeze ── (the fault) ── canaries ── load touched?
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from weakref import WeakKeyDictionary

from windtunnel.edge_records import EdgeRecord
from windtunnel.errors import CapabilityError, InjectionUnprovenError, TopologyError
from windtunnel.faults.canary import Sighting, Song, sing
from windtunnel.faults.dialect import Dialect, Greeting, Http, Postgresql
from windtunnel.faults.patience import Patience
from windtunnel.stack.base import Address, Stack
from windtunnel.topology.model import Edge
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient

HEALTHY_CANARIES = 5
_OWN_BYTES: WeakKeyDictionary[ToxiproxyClient, Counter[str]] = WeakKeyDictionary()
"""What canaries sent, by server and proxy: several faults may watch one edge, and no canary is load."""


class Watch:
    """Made when a fault is planned; the edge must answer then."""

    def __init__(self, stack: Stack, edge: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises `CapabilityError` when this backend does not have the edge."""
        self.edge: Edge = stack.topology.links[edge]
        if stack.backend not in self.edge.backends:
            raise CapabilityError(f"the {stack.backend} backend has no edge {edge}")
        self.name = edge
        self.proxy: EdgeProxy = stack.proxy(edge)
        self.address: Address = stack.edge_address(edge)
        self.dialect: Dialect = dialects(stack, self.edge, self.address)[0]
        self.healthy: tuple[Sighting, ...] = ()
        self.canaries = 0
        """Connections that our canaries made since `freeze`."""
        self.before: EdgeRecord = self.proxy.record()
        """The record just before the fault came."""
        self._clock, self._stack = clock, stack
        self._mark: tuple[int, int] | None = None
        self._own_before = 0
        self._open_before = self.before.open

    @property
    def fastest(self) -> float:
        return min(sighting.seconds for sighting in self.healthy)

    @property
    def typical(self) -> float:
        """Seconds that a healthy song takes."""
        return median(sighting.seconds for sighting in self.healthy)

    @property
    def window(self) -> float:
        """Seconds after which a healthy edge would have answered for sure."""
        return max(1.0, 10 * self.typical)

    def begin(self, song: Song) -> None:
        """See how the edge answers while nothing is wrong. Raises `InjectionUnprovenError` when it does not."""
        self.healthy = tuple(self.sing(song) for _ in range(HEALTHY_CANARIES))
        wrong = next((seen for seen in self.healthy if seen.outcome != "answered"), None)
        if wrong is not None:
            raise InjectionUnprovenError(f"edge {self.name}: a canary was {wrong} before the fault; {self._hint}")

    def settled(self) -> bool:
        """Whether no more connections are open than before our canaries came."""
        return self.proxy.record().open <= self._open_before

    def mark(self) -> None:
        """From now on, what passes is traffic before the fault."""
        self._mark = (self.proxy.record().bytes_up, self.own_bytes)

    def freeze(self) -> None:
        """The fault comes now."""
        self.before, self._own_before = self.proxy.record(), self.own_bytes

    def carried(self) -> int:
        """Bytes that others than our canaries sent between `mark` (else: ever) and `freeze`."""
        passed, own = self._mark or (0, 0)
        return (self.before.bytes_up - passed) - (self._own_before - own)

    def require_evidence(self) -> None:
        """Raises `CapabilityError` where nothing could ever show that somebody else met a fault."""
        if self.proxy.evidence == "nothing":
            raise CapabilityError(
                f"edge {self.name}: its Toxiproxy tells nothing of what passes; start it with -proxy-metrics, or put "
                f"`windtunnel proxy` in its place"
            )

    def show_passage(self, timeout: float, patience: Patience) -> str:
        """Where only bytes of ended connections are counted: show that the fault saw such, not made by our canaries.

        Raises `InjectionUnprovenError` when there are none within `timeout` seconds.
        """
        counted = [0]

        def seen() -> bool:
            counted[0] = self.proxy.record().bytes_up - self.before.bytes_up - (self.own_bytes - self._own_before)
            return counted[0] > 0

        if not patience.until(seen, timeout):
            raise InjectionUnprovenError(
                f"edge {self.name}: no connection but our canaries' ended under the fault, and its Toxiproxy counts a "
                f"connection only when it ends; let callers keep them for less long, or put `windtunnel proxy` there"
            )
        return f"edge {self.name}: connections of the load that ended under the fault had sent {counted[0]} bytes"

    def sing(self, song: Song, dialect: Dialect | None = None) -> Sighting:
        """One canary through the proxy."""
        seen = sing(self.address, dialect or self.dialect, song, self._clock)
        _OWN_BYTES.setdefault(self.proxy.client, Counter())[self.name] += seen.sent
        self.canaries += 1
        return seen

    def sing_past(self, song: Song) -> Sighting | None:
        """One canary straight to the callee; None where we know of no way but through the proxy."""
        if self.edge.protocol == "tcp":
            return None
        try:
            address = self._stack.address(self.edge.target)
        except (CapabilityError, TopologyError):  # it runs elsewhere, and nobody said where
            return None
        return sing(address, self.dialect, song, self._clock)

    @property
    def own_bytes(self) -> int:
        return _OWN_BYTES.get(self.proxy.client, Counter())[self.name]

    def prefer_long_answers(self) -> None:
        """Let canaries ask for the longest answer that the service is known to give."""
        known: Sequence[Dialect] = dialects(self._stack, self.edge, self.address)
        if len(known) > 1:
            self.dialect = max(known, key=self._answer_length)

    def _answer_length(self, dialect: Dialect) -> int:
        self.dialect = dialect
        seen = self.sing(Song())
        return seen.received if seen.outcome == "answered" else 0

    @property
    def _hint(self) -> str:
        if self.edge.protocol == "tcp":
            return "on a tcp edge the server must greet with 220, as SMTP does"
        return f"is {self.edge.target} well?"


def dialects(stack: Stack, edge: Edge, address: Address) -> tuple[Dialect, ...]:
    """The ways in which a canary may talk on this edge, the usual one first."""
    if edge.protocol != "http":
        return (Postgresql() if edge.protocol == "postgresql" else Greeting(),)
    service = stack.topology.instances[edge.target]
    paths = [service.ready if service.ready.startswith("/") else "/", service.metrics.get("path", "")]
    return tuple(Http(path, str(address)) for path in paths if path)
