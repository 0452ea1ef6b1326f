"""Real sockets for the tests of the proxy: upstreams that behave in one way, and a server with one proxy."""

import asyncio
import socket
import threading
import time
from contextlib import contextmanager, suppress

from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.proxy.server import new_event_loop
from windtunnel.proxy.toxics import TOXICS, HttpToxic
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient

LOOPS = {"preferred": new_event_loop, "asyncio": asyncio.new_event_loop}
PATIENCE = 20.0
"""Seconds after which a test gives up: far beyond anything expected, because machines are shared."""
ON_BYTES = {name for name, toxic in TOXICS.items() if not issubclass(toxic, HttpToxic)}
"""The toxics that need no HTTP."""


def echo(sock):
    """Send back what comes, then close as the peer did."""
    while data := sock.recv(65536):
        sock.sendall(data)


class Upstream:
    """Listens on loopback and lets `behaviour(socket)` speak on every connection."""

    def __init__(self, behaviour=echo):
        self._behaviour = behaviour
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.accepted = 0
        self._sockets, self.threads = [], []
        self._acceptor = threading.Thread(target=self._accept)

    def __enter__(self):
        self._acceptor.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._sockets.append(sock)
            self.threads.append(threading.Thread(target=self._speak, args=(sock,)))
            self.threads[-1].start()

    def _speak(self, sock):
        try:
            self._behaviour(sock)
        except OSError:
            pass
        finally:
            sock.close()


@contextmanager
def proxied(behaviour=echo, *, loop="preferred", **settings):
    """(edge, upstream, server): one proxy before an upstream. Asserts that nothing in the server went unhandled."""
    with (
        Upstream(behaviour) as upstream,
        EmbeddedToxiproxy(loop_factory=LOOPS[loop], **settings) as server,
        ToxiproxyClient(server.url, timeout=PATIENCE) as client,
    ):
        client.create("edge", "127.0.0.1:0", upstream.address)
        yield EdgeProxy(client, "edge"), upstream, server
    assert server.unhandled == ()


def connect(edge):
    """A connection through the proxy."""
    return socket.create_connection(edge.listen, timeout=PATIENCE)


def read_all(sock):
    """Everything until the end of the stream."""
    parts = []
    while data := sock.recv(65536):
        parts.append(data)
    return b"".join(parts)


def read_exactly(sock, count):
    """`count` bytes; fewer only when the stream ended."""
    parts, missing = [], count
    while missing and (data := sock.recv(missing)):
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)


def ask(sock, data=b"ping"):
    """Send, and read as much back."""
    sock.sendall(data)
    return read_exactly(sock, len(data))


def seconds(act):
    """(what it returned, how long it took)."""
    start = time.monotonic()
    value = act()
    return value, time.monotonic() - start


def eventually(claim):
    """Wait until `claim()` is true; its last value."""
    deadline = time.monotonic() + PATIENCE
    while not (value := claim()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return value
