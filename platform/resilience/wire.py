"""The wire: the innermost transport. It moves bytes, cuts every operation at the call's deadline, and adds no policy.

httpx's timeouts count per operation: a peer that sends one byte now and then is never late. Here each connect, read and
write gets the time that is left of the whole call. The body is read to its end before the answer goes up, so that a
body that is cut, reset or fed in drops is this transport's error, and its connection is dropped.

Without a deadline there is no timeout of any kind, unless the caller passes httpx's own. It speaks HTTP/1.1, in clear
or over TLS, and knows no proxies, whatever the environment says.

What remains:
- Looking a host name up (`getaddrinfo`) cannot be cut; an address has no look-up.
- A kept connection is tried for life right before it is used, and used only within 5 s of its last answer. If the peer
  closes it in the instant between, the request ends in a ReadError or RemoteProtocolError. Nobody can prove then that
  it was not processed, so the wire does not send again: the retry does, where that is safe.
- An answer without length that ends with its connection (HTTP/1.0) cannot be told from a cut one.
"""

from __future__ import annotations

import functools
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable

import httpx

from resilience.connection import Connection, Limits, connect
from resilience.deadline import due_of
from resilience.errors import require_range, require_whole
from resilience.http1 import request_body, request_head
from resilience.instance import Instance, instance_of
from resilience.slots import Slots

KEEPALIVE_EXPIRY = 5.0
"""Seconds. Shorter than the idle limit of any common server, so that we are the ones who close."""

_Origin = tuple[str, Instance]
"""The host name that TLS vouches for, empty in clear; and where the connection goes."""


class Wire(httpx.BaseTransport):
    """HTTP/1.1 over pooled connections. Raises `httpx.TransportError`s only; safe to share between threads.

    `max_connections`: as many at a time; more calls wait for one, in order, as long as they have time. `largest_body`:
    bytes; a longer answer is a RemoteProtocolError. `ssl_context`: for https, by default one that trusts what httpx
    trusts.
    """

    def __init__(
        self,
        *,
        max_connections: int = 100,
        keepalive_expiry: float = KEEPALIVE_EXPIRY,
        largest_body: int = 64 * 2**20,
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        require_whole("wire.max_connections", max_connections, 1, 10000)
        require_range("wire.keepalive_expiry", keepalive_expiry, 0, 3600)
        require_whole("wire.largest_body", largest_body, 1, 2**40)
        self._expiry, self._largest, self._ssl_context, self._clock = (
            keepalive_expiry,
            largest_body,
            ssl_context,
            clock,
        )
        self._slots = Slots(max_connections, queue=None)
        self._lock = threading.Lock()
        self._idle: defaultdict[_Origin, list[Connection]] = defaultdict(list)
        self._busy: set[Connection] = set()

    @property
    def busy(self) -> int:
        """Connections in use."""
        return len(self._busy)

    @property
    def idle(self) -> int:
        """Connections kept for later."""
        with self._lock:
            return sum(map(len, self._idle.values()))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        limits = Limits(due_of(request), request.extensions.get("timeout"))
        url, headers = request.url, request.headers
        if url.scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol(f"{url.scheme!r} is not spoken here; http and https are")
        head = request_head(request.method.encode("ascii", "replace"), url.raw_path, headers.raw)
        origin = (url.raw_host.decode("ascii") if url.scheme == "https" else "", instance_of(request))
        if not self._slots.take(limits.seconds("pool", httpx.PoolTimeout)):
            raise httpx.PoolTimeout(f"all {self._slots.limit} connections are in use")
        connection, reusable = None, False
        try:
            connection = self._connection(origin, limits)
            body = request_body(headers, iter(request.stream))  # type: ignore[arg-type]
            answer = connection.exchange(request.method, head, body, limits, largest_body=self._largest)
            reusable = answer.reusable
        finally:
            if connection is not None:
                self._release(origin, connection, reusable=reusable)
            self._slots.give_back()
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=httpx.ByteStream(answer.body),
            extensions={"http_version": answer.version, "reason_phrase": answer.reason},
        )

    def drain(self, instance: Instance) -> None:
        """Close the connections to this instance: idle ones now, those in use after their answer."""
        with self._lock:
            gone = [kept for (_, to), waiting in self._idle.items() if to == instance for kept in waiting]
            for origin in [origin for origin in self._idle if origin[1] == instance]:
                del self._idle[origin]
            for connection in self._busy:
                connection.retired |= connection.instance == instance
        for connection in gone:
            connection.close()

    def close(self) -> None:
        """Close all idle connections, and those in use after their answer."""
        with self._lock:
            instances = {to for _, to in self._idle} | {connection.instance for connection in self._busy}
        for instance in instances:
            self.drain(instance)

    def _connection(self, origin: _Origin, limits: Limits) -> Connection:
        """A kept one, the last used first, if it is still good; else a new one."""
        expired, connection = [], None
        with self._lock:
            waiting, oldest = self._idle[origin], self._clock() - self._expiry
            while waiting and connection is None:
                last = waiting.pop()
                if last.used_at > oldest and last.alive():
                    connection = last
                    self._busy.add(last)
                else:
                    expired.append(last)
            while waiting and waiting[0].used_at <= oldest:
                expired.append(waiting.pop(0))
        for dead in expired:
            dead.close()
        if connection is None:
            self._make_room()
            name, instance = origin
            connection = connect(instance, limits, tls=self._tls(name) if name else None)
            with self._lock:
                self._busy.add(connection)
        return connection

    def _make_room(self) -> None:
        """Idle connections count as well: those of other origins go first when there are too many."""
        with self._lock:
            kept = [waiting for waiting in self._idle.values() if waiting]
            full = sum(map(len, kept)) + len(self._busy) >= self._slots.limit
            oldest = min(kept, key=lambda waiting: waiting[0].used_at).pop(0) if full and kept else None
        if oldest is not None:
            oldest.close()

    def _release(self, origin: _Origin, connection: Connection, *, reusable: bool) -> None:
        with self._lock:
            self._busy.discard(connection)
            keep = reusable and not connection.retired and self._expiry > 0
            if keep:
                connection.used_at = self._clock()
                self._idle[origin].append(connection)
        if not keep:
            connection.close()

    def _tls(self, name: str) -> Callable[[socket.socket], ssl.SSLSocket]:
        if self._ssl_context is None:
            self._ssl_context = httpx.create_ssl_context(trust_env=False)
        # An end without TLS's own goodbye may be a cut.
        return functools.partial(self._ssl_context.wrap_socket, server_hostname=name, suppress_ragged_eofs=False)
