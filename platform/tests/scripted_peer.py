"""Peers for the tests of the policies: one without a network, and one with real sockets that breaks as it is told."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Self

import httpx


class ManualClock:
    """Time that passes when it is told to. `sleep` is recorded and moves it on."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


Outcome = int | httpx.Response | BaseException | Callable[[httpx.Request], httpx.Response]


class Peer(httpx.BaseTransport):
    """Answers the n-th request with the n-th outcome, the last one for ever after."""

    def __init__(self, *outcomes: Outcome) -> None:
        self._outcomes = outcomes
        self.bodies: list[bytes] = []
        self.closed = False

    @property
    def calls(self) -> int:
        return len(self.bodies)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        outcome = self._outcomes[min(self.calls, len(self._outcomes) - 1)]
        self.bodies.append(b"".join(request.stream))
        if isinstance(outcome, BaseException):
            raise outcome
        if isinstance(outcome, int):
            return httpx.Response(outcome)
        return outcome(request) if callable(outcome) else outcome

    def close(self) -> None:
        self.closed = True


@dataclass
class Received:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


Act = Callable[[socket.socket, Received], bool]
"""What the server does with a request; True keeps the connection."""


class ScriptedServer:
    """A server on loopback. It does the n-th act with the n-th request, the last one for ever after."""

    def __init__(self, *acts: Act, port: int = 0) -> None:
        self._acts = acts
        self.requests: list[Received] = []
        self.accepted = 0
        self.idle_closed = threading.Event()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        # shutdown wakes the thread in accept(); close alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=30)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.accepted += 1
                self._open.append(sock)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError), sock.makefile("rb") as stream:
            for received in read_requests(stream):
                with self._lock:
                    act = self._acts[min(len(self.requests), len(self._acts) - 1)]
                    self.requests.append(received)
                if not act(sock, received):
                    break
        self.idle_closed.set()


def read_requests(stream: BinaryIO) -> Iterator[Received]:
    """One after the other, until the client closes."""
    while line := stream.readline():
        headers = {}
        while (field := stream.readline().decode().strip()) != "":
            name, _, value = field.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        yield Received(line.decode().strip(), headers, body)


def says(status: int, body: bytes = b"{}", *, keep: bool = True, **headers: str) -> Act:
    """A proper answer."""

    def act(sock: socket.socket, _: Received) -> bool:
        fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        sock.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode() + body)
        return keep

    return act


def sends(*parts: bytes, every: float = 0.0, reset: bool = False) -> Act:
    """These bytes, one part after the other, `every` so many seconds while the client is there; then the end."""

    def act(sock: socket.socket, _: Received) -> bool:
        for part in parts:
            sock.sendall(part)
            if every and _gone(sock, every):
                return False
        if reset:
            hang_up_hard(sock)
        return False

    return act


def says_nothing(sock: socket.socket, _: Received) -> bool:
    """Holds the request until the client goes."""
    _gone(sock, 60)
    return False


def hang_up_hard(sock: socket.socket) -> None:
    """End with a reset instead of a close."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _gone(sock: socket.socket, seconds: float) -> bool:
    """Whether the client closed its side within that time."""
    return bool(select.select([sock], [], [], seconds)[0])


def refused_url() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return f"http://127.0.0.1:{sock.getsockname()[1]}"
