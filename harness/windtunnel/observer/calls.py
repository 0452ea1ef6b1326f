"""The calls between services, read from the records of their edges as they end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from windtunnel.edge_requests import EdgeRequest
from windtunnel.errors import CapabilityError, ProxyError
from windtunnel.history import Call
from windtunnel.stack.base import Stack
from windtunnel.topology.model import CLIENT

NO_EARLIER: Final = 10**14
"""More than any proxy has counted: asks for nothing, and where the next request will stand."""


class EdgeCalls:
    """Of every edge whose proxy reads HTTP, from now on. The client's are left out unless `client` asks for them: where
    a load is recorded, they are the load itself."""

    def __init__(self, stack: Stack, *, client: bool = False) -> None:
        self._stack = stack
        self._next: dict[str, int] = {}
        """By edge, the first request that was not read yet."""
        self.missed = 0
        """Calls that a proxy had forgotten before it was asked."""
        for name, link in stack.topology.links.items():
            wanted = client or link.source != CLIENT
            if wanted and link.protocol == "http" and stack.topology.has_edge(link, stack.backend):
                self._begin(name)

    @property
    def edges(self) -> frozenset[str]:
        """Those whose calls are told."""
        return frozenset(self._next)

    def new(self) -> Iterator[Call]:
        """Those that ended since the last time. A proxy that cannot be asked now is asked again the next time."""
        for edge, since in self._next.items():
            try:
                seen = self._stack.proxy(edge).requests(since)
            except ProxyError:
                continue
            self._next[edge] = seen.next
            self.missed += seen.missed
            yield from (_call(edge, request) for request in seen.requests)

    def _begin(self, edge: str) -> None:
        try:
            self._next[edge] = self._stack.proxy(edge).requests(NO_EARLIER).next
        except (CapabilityError, ProxyError):  # no proxy of a system that runs elsewhere, or one that records nothing
            return


def _call(edge: str, request: EdgeRequest) -> Call:
    return Call(
        edge=edge,
        method=request.method,
        path=request.path,
        status=request.status,
        start=request.start,
        end=request.end,
        ended=request.ended,
        request_id=request.request_id,
        touched_by=request.touched_by,
    )
