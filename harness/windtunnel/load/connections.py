"""Connections of the generator to one service, kept while they are warm. For the engine's process only.

The pool that comes with the HTTP client repeats an idempotent request by itself when its answer was lost; a load
generator must show such a loss. So each request is sent once here, on a connection that was found open just before.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from gevent import socket

from windtunnel.errors import BadInputError

IDLE_LIMIT: Final = 5.0
"""Seconds. Servers close idle connections too; being first keeps their time-outs out of the figures."""


class Connections:
    """Last in, first out, and as many as are needed at once. Raises OSError as sockets do."""

    def __init__(self, base_url: str) -> None:
        """Resolves the host, once. Raises `BadInputError` for a URL that cannot be used."""
        url = urlsplit(base_url)
        if url.scheme != "http" or not url.hostname:
            raise BadInputError(f"load cannot be sent to {base_url!r}; an http:// URL with a host is needed")
        self.netloc = url.netloc.rpartition("@")[2]
        try:
            found = socket.getaddrinfo(url.hostname, url.port or 80, 0, socket.SOCK_STREAM)
        except OSError as error:
            raise BadInputError(f"load cannot be sent to {base_url!r}: {error}") from error
        self._addresses = [(entry[0], entry[4]) for entry in found]
        self._idle: deque[tuple[float, socket.socket]] = deque()
        self._closed = False

    def get_socket(self) -> socket.socket:
        """An idle connection that is still open, or a new one."""
        while self._idle:
            since, sock = self._idle.pop()
            if monotonic() - since < IDLE_LIMIT and _is_open(sock):
                return sock
            sock.close()
        return self._connect()

    def return_socket(self, sock: socket.socket) -> None:
        """Keep a connection whose answer was read to its end."""
        if self._closed:
            sock.close()
        else:
            self._idle.append((monotonic(), sock))

    def release_socket(self, sock: socket.socket) -> None:
        """Give up a connection that cannot be used again."""
        sock.close()

    def close_stale(self) -> None:
        """Close what was idle for too long; the oldest come first."""
        oldest = monotonic() - IDLE_LIMIT
        while self._idle and self._idle[0][0] <= oldest:
            self._idle.popleft()[1].close()

    def close(self) -> None:
        """Close all, those in use when they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop()[1].close()

    def _connect(self) -> socket.socket:
        failure: OSError | None = None
        for family, address in self._addresses:
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = failure or error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise failure or OSError(f"no address for {self.netloc}")


def _is_open(sock: socket.socket) -> bool:
    """Whether nothing has come in since the last answer: neither an end of the connection nor stray bytes."""
    try:
        # The socket underneath, which gevent keeps non-blocking.
        sock._sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
