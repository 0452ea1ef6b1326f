"""The channel between two terminals: a Unix socket in the run's own folder, one question a connection, JSON lines.

    {"ask": "fault", "words": ["payments", "kill"]}  ──>
                                                     <──  {"say": "1 payments kill: applied, being proven"}
                                                     <──  {"say": "1 payments kill: proven: ..."}
                                                     <──  {"exit": 0}

The folder is its owner's alone (0700), the socket too (0600): nobody else can break anything. What a question means is
decided by who serves the channel.
"""

from __future__ import annotations

import json
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

SOCKET = "control.sock"
MODE = 0o600
LONGEST = 64 * 1024
"""Bytes of a question."""
HEARING = 5.0
"""Seconds that a caller has to say what it wants, or to take what it is told."""


class Caller:
    """Who asked, as long as it listens."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire

    def say(self, text: str) -> None:
        """A line for the person. Whoever has gone hears nothing."""
        self.send(say=text)

    def send(self, **message: object) -> None:
        with suppress(OSError):
            self._wire.sendall(_line(message))

    @property
    def gone(self) -> bool:
        """Whether it has hung up."""
        try:
            readable, _, _ = select.select([self._wire], [], [], 0)
            return bool(readable) and self._wire.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True


Answer = Callable[[Mapping[str, Any], Caller], int]
"""Says what there is to say, and returns the exit code of who asked."""


class ControlServer:
    """Listens from its making until `close`; each caller has a thread of its own."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self._path, self._answer = folder / SOCKET, answer
        self._socket = socket.socket(socket.AF_UNIX)
        with _reachable(self._path) as address:
            self._socket.bind(address)
        self._path.chmod(MODE)  # before it listens, so nobody can have come
        self._socket.listen()
        self._thread = threading.Thread(target=self._listen, name="windtunnel-control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Nobody is heard any more. Can be called twice."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _listen(self) -> None:
        while True:
            try:
                wire, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(wire,), name="windtunnel-caller", daemon=True).start()

    def _serve(self, wire: socket.socket) -> None:
        with wire:
            wire.settimeout(HEARING)
            try:
                with wire.makefile("rb") as lines:
                    question = json.loads(lines.readline(LONGEST))
            except (OSError, ValueError, RecursionError):  # it hung up, or is none of ours
                return
            caller = Caller(wire)
            if isinstance(question, dict):
                caller.send(exit=self._answer(question, caller))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ask(folder: Path, question: Mapping[str, object], *, patience: float | None = None) -> Iterator[Mapping[str, Any]]:
    """What is answered there, message by message; it ends without an `exit` when the other side dies.

    Raises OSError when nobody listens, TimeoutError when nothing is said for `patience` seconds (None: wait).
    """
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(patience)
        with _reachable(folder / SOCKET) as address:
            wire.connect(address)
        wire.sendall(_line(question))
        with wire.makefile("rb") as lines, suppress(ConnectionResetError):
            for line in lines:
                yield json.loads(line)


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """A name that is short enough: a socket's address has room for 107 bytes, and temporary folders are deep."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _line(message: Mapping[str, object]) -> bytes:
    return json.dumps(message).encode() + b"\n"
