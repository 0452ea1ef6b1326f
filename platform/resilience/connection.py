"""One connection to a peer: opened, written to and read from, each for no longer than the call has time."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable

import httpx

from resilience.deadline import Due
from resilience.http1 import Answer, AnswerReader
from resilience.instance import Instance

_AT_ONCE = 65536
"""Bytes asked of the socket in one read."""


class Limits:
    """How long the next operation of a call may take: the time left of the whole, or its own limit, if shorter."""

    __slots__ = ("_due", "_own")

    def __init__(self, due: Due | None, own: dict[str, float | None] | None = None) -> None:
        self._due, self._own = due, own or {}

    def seconds(self, operation: str, late: type[httpx.TimeoutException]) -> float | None:
        """For `connect`, `read`, `write` or `pool`; None is without limit. Raises `late` when no time is left."""
        own = self._own.get(operation)
        if self._due is None:
            return own
        left = self._due.left()
        if left <= 0:
            raise late("the deadline of the call has passed")
        return left if own is None else min(own, left)


class Connection:
    """Serves one request at a time. `retired` says that it is not to be used again."""

    __slots__ = ("_poll", "_sock", "instance", "retired", "used_at")

    def __init__(self, sock: socket.socket, instance: Instance) -> None:
        self._sock, self.instance = sock, instance
        self.retired, self.used_at = False, 0.0
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def exchange(self, method: str, head: bytes, body: Iterable[bytes], limits: Limits, *, largest_body: int) -> Answer:
        """One request and its whole answer. The connection is of no more use after any error."""
        try:
            self._send(head, body, limits)
        except httpx.WriteError:
            # The peer may have refused the request half way, and said why before it closed.
            return self._answer(method, limits, largest_body)
        return self._answer(method, limits, largest_body)

    def alive(self) -> bool:
        """Whether the peer, as far as can be seen, has neither closed it nor sent what nobody asked for."""
        return not self._poll.poll(0)

    def timeout(self) -> float | None:
        """What the last operation was granted, in seconds; None is for ever."""
        return self._sock.gettimeout()

    def close(self) -> None:
        """Once is enough; more does no harm."""
        self._sock.close()

    def _send(self, head: bytes, body: Iterable[bytes], limits: Limits) -> None:
        pending = head
        for part in body:
            # One packet for the head and a small body; the parts of a large one as they come.
            if len(pending) + len(part) <= _AT_ONCE:
                pending += part
            else:
                self._write(pending, limits)
                pending = part
        self._write(pending, limits)

    def _write(self, data: bytes, limits: Limits) -> None:
        rest = memoryview(data)
        while rest:
            # Anew each time: a peer that takes a few bytes now and then must not have the whole time for each.
            self._sock.settimeout(limits.seconds("write", httpx.WriteTimeout))
            try:
                rest = rest[self._sock.send(rest) :]
            except TimeoutError as exc:
                raise httpx.WriteTimeout(str(exc)) from exc
            except OSError as exc:
                raise httpx.WriteError(str(exc)) from exc

    def _answer(self, method: str, limits: Limits, largest_body: int) -> Answer:
        def receive() -> bytes:
            self._sock.settimeout(limits.seconds("read", httpx.ReadTimeout))
            try:
                return self._sock.recv(_AT_ONCE)
            except TimeoutError as exc:
                raise httpx.ReadTimeout(str(exc)) from exc
            except OSError as exc:
                raise httpx.ReadError(str(exc)) from exc

        return AnswerReader(receive, largest_body=largest_body).read(method)


def connect(
    instance: Instance, limits: Limits, *, tls: Callable[[socket.socket], ssl.SSLSocket] | None = None
) -> Connection:
    """A new connection. Raises ConnectError or ConnectTimeout; nothing of the request has been sent then."""
    failure: Exception = httpx.ConnectError(f"{instance.host} has no address")
    # One by one: the standard library would grant each address of a name the whole time.
    for address in _addresses(instance):
        seconds = limits.seconds("connect", httpx.ConnectTimeout)
        try:
            return _opened(address, instance, seconds, tls)
        except TimeoutError as exc:
            failure = httpx.ConnectTimeout(f"{instance}: {exc}")
        except OSError as exc:
            failure = httpx.ConnectError(f"{instance}: {exc}")
    raise failure


def _opened(
    address: str, instance: Instance, seconds: float | None, tls: Callable[[socket.socket], ssl.SSLSocket] | None
) -> Connection:
    began = time.monotonic()
    sock = socket.create_connection((address, instance.port), seconds)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            if seconds is not None:
                sock.settimeout(max(1e-6, seconds - (time.monotonic() - began)))
            sock = tls(sock)
        return Connection(sock, instance)
    except BaseException:
        sock.close()
        raise


def _addresses(instance: Instance) -> list[str]:
    try:
        found = socket.getaddrinfo(instance.host, instance.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise httpx.ConnectError(f"{instance.host}: {exc}") from exc
    return [str(entry[4][0]) for entry in found]
