"""Locust's HTTP session, made to send each request exactly once and to notice a body that ends early.

`FastHttpSession` builds the request, measures it and fires Locust's request event; only the last step, from request
to bytes and back, is replaced here. For the engine's process only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketPoolResponse
from locust.contrib.fasthttp import FastHttpSession, FastResponse, LocustUserAgent

from windtunnel.load.connections import Connections

BLOCK = 16 * 1024
BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


class Exchange(Protocol):
    """Told when the first byte of a request may have left."""

    sent: bool


class Session(FastHttpSession):
    """All requests of a run to one service. Holds no cookies: an arrival is a new visitor."""

    def __init__(self, base_url: str, request_event: object) -> None:
        self.connections = Connections(base_url)
        super().__init__(base_url.rstrip("/"), request_event, user=None)
        self.client = Agent(self.connections)


class Agent(LocustUserAgent):
    """Sends one request over one connection, once. No redirects are followed: each would be a request of its own."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(max_redirects=0, max_retries=0)
        self._connections = connections

    def urlopen(  # type: ignore[override]
        self,
        url: str,
        method: str = "GET",
        *,
        payload: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        exchange: Exchange,
    ) -> Any:
        """Raises OSError, `gevent.Timeout` or HTTPParseError; ValueError for a request that cannot be written."""
        body = payload.encode() if isinstance(payload, str) else payload or b""
        pool = self._connections
        request = _head(method, url, pool.netloc, headers or {}, len(body)) + body
        sock = pool.get_socket()
        exchange.sent = True
        try:
            sock.sendall(request)
        except BaseException:
            pool.release_socket(sock)
            raise
        # The response needs no more of a pool than to give the socket back to it.
        return FastResponse(WholeResponse(sock, cast("ConnectionPool", pool), method=method, block_size=BLOCK))


class WholeResponse(HTTPSocketPoolResponse):
    """An answer that is complete or an error."""

    def feed(self, data: str | bytes) -> None:
        """`data` is empty when the peer has closed: the end of a body without a length, an error in all others."""
        try:
            super().feed(data)
        except HTTPParseError as error:
            if data:
                raise
            raise HTTPConnectionClosed("the connection closed before the answer was complete") from error
        if not data and not self.message_complete:
            raise HTTPConnectionClosed("the connection closed before the answer was complete")


def _head(method: str, url: str, netloc: str, headers: Mapping[str, str], length: int) -> bytes:
    target = url[url.index("/", 8) :] if "/" in url[8:] else "/"
    lines = [f"{method} {target} HTTP/1.1", f"Host: {netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if length or method in BODY_METHODS:
        lines.append(f"Content-Length: {length}")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or lines[0].count(" ") != 2:
        raise ValueError(f"{lines[0]!r} and its headers must hold no line break, and the path no blank: quote it")
    return (head + "\r\n\r\n").encode("latin-1")
