"""The proxies of a stack: for every edge its way through one or two servers, each with a proxy named as the edge.

caller ─> [ the proxy with the toxics ] ─> callee                   where that is our own server, which records
caller ─> [ recorder ] ─> [ the proxy with the toxics ] ─> callee   where it is another one
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from windtunnel.stack.base import Address
from windtunnel.stack.recorded import RecordedProxy
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient


class ProxyServer(Protocol):
    """A Toxiproxy that runs from `__enter__` to `__exit__`."""

    @property
    def url(self) -> str:
        """Where its API answers."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


ServerMaker = Callable[[int], ProxyServer]
"""From a seed."""


def embedded(seed: int) -> ProxyServer:
    """Our own server, in a thread of this process."""
    from windtunnel.proxy import EmbeddedToxiproxy

    return EmbeddedToxiproxy(seed=seed)


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One proxy on an edge's way: on which server, and where it listens."""

    server: ToxiproxyClient
    listen: Address


class EdgeProxies:
    """The proxies of all edges, by the edge's name."""

    def __init__(self) -> None:
        self._addresses: dict[str, Address] = {}
        self._proxies: dict[str, EdgeProxy] = {}

    @property
    def addresses(self) -> Mapping[str, Address]:
        """Where the first proxy of each edge listens: what its caller was told."""
        return self._addresses

    def add(self, edge: str, way: Sequence[Hop], upstream: str, *, http: bool = False) -> None:
        """Put one proxy, or a recorder before it, on an edge. `upstream` as the last of them sees it.

        They read HTTP, if they can, where `http` says so. Raises `ProxyError`.
        """
        for hop in reversed(way):
            hop.server.create(edge, str(hop.listen), upstream, http=http)
            upstream = str(hop.listen)
        last = EdgeProxy(way[-1].server, edge)
        recorder = EdgeProxy(way[0].server, edge)
        self._proxies[edge] = last if len(way) == 1 else RecordedProxy(last.client, edge, recorder)
        self._addresses[edge] = way[0].listen

    def proxy(self, edge: str) -> EdgeProxy:
        return self._proxies[edge]
