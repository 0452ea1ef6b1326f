"""The wire: the innermost transport. It moves bytes, cuts every operation at the call's deadline, and adds no policy.

httpx's timeouts count per operation: a peer that sends one byte now and then is never late. Here each connect, read and
write gets the time that is left of the whole call. The body is read to its end before the answer goes up, so that a
body that is cut, reset or fed in drops is this transport's error, and its connection is dropped.

Without a deadline there is no timeout of any kind, unless the caller passes httpx's own.

What remains:
- Looking a host name up (`getaddrinfo`) cannot be cut; an address has no look-up.
- A kept connection is tried for life right before it is used, and used only within 5 s of its last answer. If the peer
  closes it in the instant between, the request ends in a ReadError or RemoteProtocolError. Nobody can prove then that
  it was not processed, so the wire does not send again: the retry does, where that is safe.
- An answer without length that ends with its connection (HTTP/1.0) cannot be told from a cut one.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

from resilience.deadline import Due, due_of

KEEPALIVE_EXPIRY = 5.0
"""Seconds. Shorter than the idle limit of any common server, so that we are the ones who close."""

_due: ContextVar[Due | None] = ContextVar("resilience.wire.due", default=None)

_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}


class Wire(httpx.BaseTransport):
    """HTTP/1.1 over pooled connections. Raises `httpx.TransportError`s only; safe to share between threads."""

    def __init__(self, *, max_connections: int = 100, keepalive_expiry: float = KEEPALIVE_EXPIRY) -> None:
        self._pool = httpcore.ConnectionPool(
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=keepalive_expiry,
            network_backend=_Network(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        due = due_of(request)
        token = _due.set(due)
        try:
            with _httpx_errors():
                return self._exchange(request, _timeouts(request, due))
        finally:
            _due.reset(token)

    def _exchange(self, request: httpx.Request, timeouts: dict[str, float | None]) -> httpx.Response:
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions={**request.extensions, "timeout": timeouts},
            )
        )
        try:
            body = answer.read()
        finally:
            answer.close()
        # The network stream stays here: the connection may serve somebody else already.
        kept = {key: value for key, value in answer.extensions.items() if key != "network_stream"}
        return httpx.Response(answer.status, headers=answer.headers, stream=httpx.ByteStream(body), extensions=kept)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Network(httpcore.SyncBackend):
    """Opens connections; each of their operations ends at the deadline of the call that uses them."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        # One by one: the standard library would grant each address of a name the whole time.
        for address in _addresses(host, port):
            allowed = _allowed(timeout, httpcore.ConnectTimeout)
            try:
                return _Stream(super().connect_tcp(address, port, allowed, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure


class _Stream(httpcore.NetworkStream):
    """A connection. Each operation gets the time left of the call, not the time it was promised."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _allowed(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Not the inner write: it grants the whole time anew whenever the peer has taken a few bytes.
        sock: socket.socket = self._inner.get_extra_info("socket")
        rest = memoryview(buffer)
        while rest:
            sock.settimeout(_allowed(timeout, httpcore.WriteTimeout))
            try:
                rest = rest[sock.send(rest) :]
            except TimeoutError as exc:
                raise httpcore.WriteTimeout(exc) from exc
            except OSError as exc:
                raise httpcore.WriteError(exc) from exc

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        allowed = _allowed(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, allowed))

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _allowed(timeout: float | None, late: type[Exception]) -> float | None:
    """The shorter of the operation's own timeout and the time left. Raises `late` when none is left."""
    due = _due.get()
    if due is None:
        return timeout
    left = due.left()
    if left <= 0:
        raise late("the deadline of the call has passed")
    return left if timeout is None else min(timeout, left)


def _timeouts(request: httpx.Request, due: Due | None) -> dict[str, float | None]:
    """httpx's timeouts of this request. Waiting for a free connection is no network operation, so it is cut here."""
    timeouts: dict[str, float | None] = dict(request.extensions.get("timeout") or {})
    if due is not None:
        pool = timeouts.get("pool")
        left = max(0.0, due.left())
        timeouts["pool"] = left if pool is None else min(pool, left)
    return timeouts


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise httpcore.ConnectError(f"{host}: {exc}") from exc
    return [str(entry[4][0]) for entry in found]


@contextmanager
def _httpx_errors() -> Iterator[None]:
    try:
        yield
    except tuple(_ERRORS) as exc:
        raise _ERRORS[type(exc)](str(exc)) from exc
