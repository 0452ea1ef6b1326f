"""The proxy on an edge of a system that runs elsewhere: somebody else's, on which we may do what was allowed.

Our toxics carry the run's id in their names; no other is ever changed or removed. What the server tells of who passed
depends on what it is: `windtunnel proxy` keeps the whole record; Shopify's, with -proxy-metrics, counts the bytes of
each connection when that has ended; without the flag it tells nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from prometheus_client.parser import text_string_to_metric_families

from windtunnel.edge_records import EdgeRecord
from windtunnel.edge_requests import EdgeRequest, EdgeRequests
from windtunnel.errors import CapabilityError, ProxyError
from windtunnel.toxiproxy import Act, Attributes, EdgeProxy, Evidence, ProxyState, Stream, Toxic, ToxiproxyClient

NOT_FOUND = 404
STILL, LOOKS = 0.03, 10
"""Seconds between two looks at counters that may still move, and how many at most: a busy edge is never still."""
RECEIVED, SENT = "toxiproxy_proxy_received_bytes_total", "toxiproxy_proxy_sent_bytes_total"


@dataclass(frozen=True, kw_only=True)
class Permit:
    """Which of our acts are allowed on one edge, and how the names of our toxics begin."""

    edge: str
    acts: frozenset[Act]
    tag: str


@dataclass(frozen=True)
class RemoteProxy(EdgeProxy):
    """Refuses what is not allowed, and to touch what is not ours."""

    allowed: Permit
    told: Evidence
    pause: Callable[[float], None] = field(default=time.sleep, compare=False, repr=False)
    wall: Callable[[], float] = field(default=time.time, compare=False, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, compare=False, repr=False)

    @property
    def tag(self) -> str:
        return self.allowed.tag

    @property
    def evidence(self) -> Evidence:
        return self.told

    def permit(self, act: Act) -> None:
        if act not in self.allowed.acts:
            raise CapabilityError(
                f"edge {self.allowed.edge} is not to be touched: the topology's allow-list does not name it; "
                f"write allow: {{{act}: [{self.allowed.edge}]}} if it may be"
            )

    def record(self) -> EdgeRecord:
        """Whatever the server tells. Where it counts bytes: those of connections that have ended, once it is still."""
        if self.told == "connections":
            return super().record()
        up, down = self._passed() if self.told == "bytes" else (0, 0)
        return EdgeRecord(connections=0, open=0, forwarded=0, bytes_up=up, bytes_down=down)

    def requests(self, since: int = 0) -> EdgeRequests:
        """In our monotonic time, as far as the wall clocks of both machines agree: theirs began at another moment."""
        told = super().requests(since)
        shift = told.anchor.wall - self.wall() + self.clock() - told.anchor.monotonic
        return replace(told, requests=tuple(_shifted(request, shift) for request in told.requests))

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
        """As on any proxy; the name gets our tag, unless it has it."""
        self.permit("toxics")
        name = name or f"{type}_{stream}"
        return super().add_toxic(
            type,
            name=name if name.startswith(self.tag) else f"{self.tag}{name}",
            stream=stream,
            toxicity=toxicity,
            attributes=attributes,
            duration_ms=duration_ms,
        )

    def update_toxic(self, name: str, *, toxicity: float | None = None, attributes: Attributes | None = None) -> Toxic:
        self._require_ours(name)
        return super().update_toxic(name, toxicity=toxicity, attributes=attributes)

    def remove_toxic(self, name: str) -> None:
        self._require_ours(name)
        super().remove_toxic(name)

    def disable(self) -> ProxyState:
        self.permit("disable")
        return super().disable()

    def enable(self) -> ProxyState:
        self.permit("disable")
        return super().enable()

    def _require_ours(self, name: str) -> None:
        if not name.startswith(self.tag):
            raise CapabilityError(f"edge {self.allowed.edge}: the toxic {name!r} was made by somebody else; it stays")

    def _passed(self) -> tuple[int, int]:
        before, now = None, _bytes(self.client, self.name)
        for _ in range(LOOKS):
            if now == before:
                break
            self.pause(STILL)
            before, now = now, _bytes(self.client, self.name)
        return now


def _shifted(request: EdgeRequest, seconds: float) -> EdgeRequest:
    first = request.first_byte
    return replace(
        request,
        start=request.start + seconds,
        first_byte=None if first is None else first + seconds,
        end=request.end + seconds,
    )


def evidence_of(client: ToxiproxyClient, proxy: str) -> Evidence:
    """What that server tells of who passes. Raises `ProxyError` when it does not answer."""
    try:
        client.record(proxy)
    except ProxyError as error:
        if error.status != NOT_FOUND:
            raise
    else:
        return "connections"
    try:
        client.metrics()
    except ProxyError as error:
        if error.status != NOT_FOUND:
            raise
        return "nothing"
    return "bytes"


def _bytes(client: ToxiproxyClient, proxy: str) -> tuple[int, int]:
    """What callers sent, and what they were given. A proxy without a connection that ended has no counter yet."""
    sums = {RECEIVED: 0.0, SENT: 0.0}
    directions = {RECEIVED: "upstream", SENT: "downstream"}
    try:
        families = list(text_string_to_metric_families(client.metrics()))
    except ValueError as error:
        raise ProxyError(f"proxy {proxy}: its server's /metrics cannot be read: {error}") from error
    for sample in (sample for family in families for sample in family.samples):
        wanted = sample.labels.get("proxy") == proxy and sample.labels.get("direction") == directions.get(sample.name)
        if sample.name in sums and wanted:
            sums[sample.name] += sample.value
    return int(sums[RECEIVED]), int(sums[SENT])
