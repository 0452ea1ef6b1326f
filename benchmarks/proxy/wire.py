"""What client and upstream say to each other, and the client's sockets."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REQUEST = b"GET /things/12 HTTP/1.1\r\nHost: things\r\nAccept: application/json\r\nUser-Agent: bench\r\n\r\n"
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 25\r\n\r\n{"id": 12, "stock": 1234}'
PATIENCE = 60.0
"""Seconds after which a socket that says nothing is an error."""
ROOT = Path(__file__).resolve().parents[2]


def connect(address: str) -> socket.socket:
    """A connection that sends at once what is written."""
    host, _, port = address.rpartition(":")
    sock = socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def read_answer(sock: socket.socket) -> None:
    """One whole answer. Raises `ConnectionError` when it is anything else."""
    answer = sock.recv(4096)
    if answer != ANSWER:
        raise ConnectionError(f"expected the upstream's answer, got {answer[:80]!r}")


def exchange(sock: socket.socket) -> None:
    """One request, one answer."""
    sock.send(REQUEST)
    read_answer(sock)


def pin(core: int) -> None:
    """Keep this process on one core (the n-th of those allowed), the same for every proxy that is measured."""
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {allowed[core % len(allowed)]})


def allow_many_sockets() -> None:
    """As many open files as the system lets us have; processes started from now on inherit it."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Peer:
    """A process of ours that is asked a line of JSON and answers a line of JSON; its first line says who it is."""

    def __init__(self, module: str) -> None:
        command = [sys.executable, "-m", f"benchmarks.proxy.{module}"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        self.pid = self._process.pid
        self.hello = self._read()

    def ask(self, question: Mapping[str, object]) -> Any:
        """Its answer. Raises `RuntimeError` when it has ended instead."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """It ends when nobody can ask it any more."""
        self._process.communicate(timeout=PATIENCE)

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}; see its output above")
        return json.loads(line)
