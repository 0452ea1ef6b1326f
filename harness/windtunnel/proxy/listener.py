"""The port that a proxy listens on, and that stays its own while the proxy is disabled.

A second socket, bound and never listening, reserves the port: connections are refused meanwhile, and the kernel does
not give the port to anybody else, so that enabling the proxy again cannot fail for a port lost in between.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

from windtunnel.proxy.errors import AddressError, ListenError

BACKLOG = 1024
SocketAddress = tuple[str, int]
Place = tuple[socket.AddressFamily, SocketAddress]


@lru_cache(maxsize=1024)
def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`. Raises `ValueError` with Toxiproxy's words."""
    host, colon, port = address.rpartition(":")
    if address.startswith("[") and "]" not in address:
        raise ValueError(f"address {address}: missing ']' in address")
    if not colon or (address.startswith("[") and not host.endswith("]")):
        raise ValueError(f"address {address}: missing port in address")
    if host.startswith("["):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"address {address}: too many colons in address")
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else -1
    if not 0 <= number <= 65535 or "\0" in host:
        raise ValueError(f"address {port}: invalid port")
    return host, number


async def resolve(listen: str) -> Place:
    """Where to bind for this text. Empty: a free loopback port; `:80`: every interface. Raises `AddressError`."""
    try:
        host, port = split_address(listen or "127.0.0.1:0")
        if not host:
            return (socket.AF_INET6, ("::", port)) if socket.has_ipv6 else (socket.AF_INET, ("0.0.0.0", port))
        if (literal := _literal(host, port)) is not None:
            return literal  # no lookup, which would go through another thread
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise AddressError(f"lookup {listen.rpartition(':')[0]}: no such host") from error
    except ValueError as error:
        raise AddressError(str(error)) from error
    # As Go does: of several addresses an IPv4 one is taken.
    family, _, _, _, place = min(found, key=lambda each: each[0] != socket.AF_INET)
    return family, (str(place[0]), int(place[1]))


def _literal(host: str, port: int) -> Place | None:
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            return family, (socket.inet_ntop(family, socket.inet_pton(family, host)), port)
    return None


class Listener:
    """A reserved address. Raises `ListenError` when it cannot be had."""

    def __init__(self, place: Place) -> None:
        self._family, self._place = place
        self._server: asyncio.Server | None = None
        first = self._bound(self._place)
        self._place = first.getsockname()[:2]
        try:
            self._reserve: socket.socket | None = self._bound(self._place)
        except ListenError:
            self._reserve = None  # the system does not share a port: then it is not reserved while disabled
        self._next: socket.socket | None = first

    @property
    def address(self) -> str:
        """`host:port`, with the real port."""
        return join_address(*self._place)

    async def open(self, factory: Callable[[], asyncio.Protocol]) -> None:
        """Accept connections."""
        sock, self._next = self._next or self._bound(self._place), None
        try:
            sock.listen(BACKLOG)
            self._server = await asyncio.get_running_loop().create_server(factory, sock=sock, backlog=BACKLOG)
        except OSError as error:
            sock.close()
            raise self._refused(error, "listen") from error

    def shut(self) -> None:
        """Refuse connections from now on, and keep the port."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def close(self) -> None:
        """Give the port back."""
        self.shut()
        for sock in (self._reserve, self._next):
            if sock is not None:
                sock.close()

    def _bound(self, place: SocketAddress) -> socket.socket:
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._family == socket.AF_INET6 and place[0] == "::":
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(place)
        except OSError as error:
            sock.close()
            raise self._refused(error, "bind") from error
        return sock

    def _refused(self, error: OSError, what: str) -> ListenError:
        reason = os.strerror(error.errno or 0).lower()
        return ListenError(f" {join_address(*self._place)}: {what}: {reason}")


def join_address(host: str, port: int) -> str:
    """`host:port`, with an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
