"""The proxies of a stack: one server, and on it a proxy for every edge, named as the edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

from windtunnel.stack.base import Address
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


def embedded(seed: int) -> ProxyServer:
    """Our own server, in a thread of this process."""
    from windtunnel.proxy import EmbeddedToxiproxy

    return EmbeddedToxiproxy(seed=seed)


class EdgeProxies:
    """A running server with its client; `close()` ends both, and every proxy with them."""

    def __init__(self, make_server: Callable[[int], ProxyServer], seed: int) -> None:
        with ExitStack() as opening:
            server = opening.enter_context(make_server(seed))
            self.client = opening.enter_context(ToxiproxyClient(server.url))
            self._open = opening.pop_all()
        self._addresses: dict[str, Address] = {}

    @property
    def api(self) -> Address:
        """Where the server's API answers."""
        url = urlsplit(self.client.url)
        return Address(url.hostname or "", url.port or 0)

    @property
    def addresses(self) -> Mapping[str, Address]:
        """Where the proxy of each edge listens, by the edge's name."""
        return self._addresses

    def add(self, edge: str, listen: Address, upstream: Address, *, http: bool = False) -> None:
        """Put a proxy on an edge; it reads HTTP, if it can, where `http` says so. Raises `ProxyError`."""
        self.client.create(edge, str(listen), str(upstream), http=http)
        self._addresses[edge] = listen

    def proxy(self, edge: str) -> EdgeProxy:
        return EdgeProxy(self.client, edge)

    def close(self) -> None:
        """Can be called twice."""
        self._open.close()
