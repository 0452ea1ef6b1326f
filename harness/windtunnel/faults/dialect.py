"""What a canary says to a service so that it answers, and when the answer is complete. None of it changes anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_BODYLESS = (b"204", b"304")


class Dialect(Protocol):
    """One exchange is a request and its answer."""

    @property
    def opening(self) -> bytes:
        """Said as soon as the connection is there; empty where the server speaks first."""

    @property
    def request(self) -> bytes:
        """Said for each further exchange."""

    @property
    def exchanges(self) -> int:
        """How many make both sides speak at least once."""

    def complete(self, inbox: bytes, *, ended: bool) -> int:
        """Length of the first answer in `inbox`; 0 while it is not all there. `ended`: nothing more will come."""


@dataclass(frozen=True)
class Http:
    """`GET path` over HTTP/1.1 in clear, on a connection that is kept."""

    path: str
    host: str
    exchanges: int = 1
    agent: str = "windtunnel-canary"
    """Toxics on HTTP requests pass by whoever is called so, unless their match names a `user-agent`."""

    @property
    def request(self) -> bytes:
        return f"GET {self.path} HTTP/1.1\r\nHost: {self.host}\r\nUser-Agent: {self.agent}\r\n\r\n".encode()

    @property
    def opening(self) -> bytes:
        return self.request

    def complete(self, inbox: bytes, *, ended: bool) -> int:
        head, blank, body = inbox.partition(b"\r\n\r\n")
        if not blank:
            return 0
        before = len(head) + len(blank)
        length = _LENGTH.search(head)
        if head[9:12] in _BODYLESS:
            return before
        if length is not None:
            needed = before + int(length[1])
            return needed if len(inbox) >= needed else 0
        if _CHUNKED.search(head):
            end = (b"\r\n" + body).find(b"\r\n0\r\n\r\n")
            return before + end + 5 if end >= 0 else 0
        return len(inbox) if ended else 0


@dataclass(frozen=True)
class Postgresql:
    """Asks whether the server speaks TLS, before which nobody has to log in: `S` or `N` (PostgreSQL, 55.2.10)."""

    opening: bytes = (8).to_bytes(4) + (80877103).to_bytes(4)
    request: bytes = (8).to_bytes(4) + (80877104).to_bytes(4)
    """Whether it speaks GSSAPI. There is no third question."""
    exchanges: int = 1

    def complete(self, inbox: bytes, *, ended: bool) -> int:
        return int(inbox[:1] in (b"S", b"N"))


@dataclass(frozen=True)
class Greeting:
    """A server that greets with `220` and knows NOOP: SMTP, and FTP too."""

    opening: bytes = b""
    request: bytes = b"NOOP\r\n"
    exchanges: int = 2

    def complete(self, inbox: bytes, *, ended: bool) -> int:
        position = 0
        while (end := inbox.find(b"\r\n", position)) >= 0:
            if inbox[position + 3 : position + 4] != b"-":
                return end + 2
            position = end + 2
        return 0
