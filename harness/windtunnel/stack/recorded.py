"""The proxy on an edge where one server does the harm and ours, in front of it and without any, keeps the record.

Toxiproxy tells nothing of what passed. What the recorder sees of a fault behind it is this: on how many connections
somebody spoke, or tried to connect, while the toxic was there. With full toxicity each of them met it. With less,
nobody knows which did; their number times the toxicity is what is reported, and nothing while it may well be none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from windtunnel.edge_records import ConnectionLog, EdgeRecord
from windtunnel.edge_requests import EdgeRequests
from windtunnel.errors import ProxyError
from windtunnel.toxiproxy import Attributes, EdgeProxy, ProxyState, Stream, Toxic

DOUBT = 1e-6
"""How probable it may be that a toxic spared all connections, for one to be said to have met it."""


@dataclass(frozen=True, kw_only=True)
class _Sight:
    """A toxic, and how many connections there had been when it came."""

    toxicity: float
    connections: int


@dataclass(frozen=True)
class RecordedProxy(EdgeProxy):
    """Everything is done to the proxy behind; the record is the recorder's."""

    recorder: EdgeProxy
    _sights: dict[str, _Sight] = field(default_factory=dict, compare=False, repr=False)
    _told: dict[str, int] = field(default_factory=dict, compare=False, repr=False)
    """What was seen of toxics that are gone."""

    @property
    def listen(self) -> tuple[str, int]:
        return self.recorder.listen

    def record(self) -> EdgeRecord:
        """As an embedded server's; `touched` is told by witnesses, see above."""
        seen = self.recorder.record()
        return replace(seen, touched=self._told | {name: _met(name, s, seen) for name, s in self._sights.items()})

    def connections(self) -> ConnectionLog:
        return self.recorder.connections()

    def requests(self, since: int = 0) -> EdgeRequests:
        return self.recorder.requests(since)

    def add_toxic(
        self,
        type: str,  # noqa: A002 - Toxiproxy's own word
        *,
        name: str | None = None,
        stream: Stream = "downstream",
        toxicity: float = 1.0,
        attributes: Attributes | None = None,
        duration_ms: int = 0,
    ) -> Toxic:
        """The witness comes first: whatever meets the toxic is seen. `duration_ms`: 0, Toxiproxy has no such thing."""
        if duration_ms:
            raise ProxyError(f"{self.name}: toxics of this Toxiproxy do not end by themselves; duration_ms must be 0")
        name = name or f"{type}_{stream}"
        connections = self.recorder.record().connections
        self.recorder.add_toxic("witness", name=name, stream="upstream")
        try:
            toxic = super().add_toxic(type, name=name, stream=stream, toxicity=toxicity, attributes=attributes)
        except BaseException:
            self.recorder.remove_toxic(name)
            raise
        self._sights[name] = _Sight(toxicity=toxicity, connections=connections)
        self._told.pop(name, None)
        return toxic

    def remove_toxic(self, name: str) -> None:
        """The record keeps what the witness saw until now."""
        try:
            super().remove_toxic(name)
        finally:
            if name in self._sights:
                self._told[name] = _met(name, self._sights.pop(name), self.recorder.record())
                self.recorder.remove_toxic(name)

    def disable(self) -> ProxyState:
        """Both: who is refused behind the recorder would only see a connection that ends."""
        self.recorder.disable()
        return super().disable()

    def enable(self) -> ProxyState:
        state = super().enable()
        self.recorder.enable()
        return state


def _met(name: str, sight: _Sight, seen: EdgeRecord) -> int:
    """How many connections met the toxic: those on which the client spoke, or that were made since."""
    there = max(seen.touched.get(name, 0), seen.connections - sight.connections)
    if sight.toxicity >= 1:
        return there
    return round(there * sight.toxicity) if (1 - sight.toxicity) ** there <= DOUBT else 0
