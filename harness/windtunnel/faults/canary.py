"""A canary: a connection of our own through an edge's proxy, or straight to a service, that tells what happens there.

It asks for what cannot change anything, closes its socket whatever happens, and never waits longer than it was told.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from windtunnel.faults.dialect import Dialect
from windtunnel.stack.base import Address

Outcome = Literal["answered", "refused", "unreachable", "reset", "ended", "silent"]
"""`ended`: closed before the last answer was complete. `silent`: it was still not complete when patience was over."""
Clock = Callable[[], float]
PIECE = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Song:
    """What a canary does on one connection."""

    exchanges: int = 1
    at_once: bool = False
    """Ask everything before the first answer is there, instead of one after the other."""
    farewell: bool = False
    """After the last answer close our side, and wait until the other one is closed."""
    patience: float = 5.0
    """Seconds for all of it."""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What a canary saw."""

    outcome: Outcome
    seconds: float
    """From before the connection was made."""
    answers: int
    sent: int
    received: int
    """Bytes."""
    status: int | None = None
    """Of the first answer, where it has one."""

    def __str__(self) -> str:
        after = f" after {self.answers} answers" if self.answers and self.outcome != "answered" else ""
        return f"{self.outcome}{after} in {self.seconds * 1000:.0f} ms ({self.received} bytes)"


def sing(address: Address, dialect: Dialect, song: Song, clock: Clock = time.monotonic) -> Sighting:
    """Connect, say what the song says, and tell what came of it. Never raises for what the network does."""
    voice = _Voice(dialect, song, clock)
    outcome = voice.sing(address)
    return Sighting(
        outcome=outcome,
        seconds=clock() - voice.began,
        answers=voice.answers,
        sent=voice.sent,
        received=voice.received,
        status=voice.status,
    )


class _Voice:
    """The state of one song."""

    def __init__(self, dialect: Dialect, song: Song, clock: Clock) -> None:
        self._dialect, self._song, self._clock = dialect, song, clock
        self.began = clock()
        self.answers = self.sent = self.received = 0
        self.status: int | None = None
        more = dialect.request * (song.exchanges - 1) if song.at_once else b""
        self._outbox, self._inbox = bytearray(dialect.opening + more), bytearray()
        self._waved = False

    def sing(self, address: Address) -> Outcome:
        try:
            with socket.create_connection((address.host, address.port), timeout=self._left()) as wire:
                wire.setblocking(False)
                return self._converse(wire)
        except ConnectionRefusedError:
            return "refused"
        except (ConnectionResetError, BrokenPipeError):
            return "reset"
        except TimeoutError:
            return "silent"
        except OSError:
            return "unreachable"

    def _converse(self, wire: socket.socket) -> Outcome:
        poll = select.poll()
        while not self._done:
            poll.register(wire, select.POLLIN | (select.POLLOUT if self._outbox else 0))
            events = poll.poll(self._left() * 1000)
            # An answer that trickles in would keep the poll busy beyond all patience.
            if not events or self._clock() - self.began >= self._song.patience:
                return "silent"
            if events[0][1] & select.POLLOUT:
                self._speak(wire)
            if events[0][1] & ~select.POLLOUT and not self._listen(wire):
                return "answered" if self.answers >= self._song.exchanges else "ended"
        return "answered"

    @property
    def _done(self) -> bool:
        return self.answers >= self._song.exchanges and not self._song.farewell

    def _speak(self, wire: socket.socket) -> None:
        count = wire.send(self._outbox[:PIECE])
        del self._outbox[:count]
        self.sent += count

    def _listen(self, wire: socket.socket) -> bool:
        """Take in what is there; False at the end of the stream."""
        data = wire.recv(PIECE)
        self.received += len(data)
        self._inbox += data
        while self.answers < self._song.exchanges and (length := self._length(ended=not data)):
            self._count(length)
        if self.answers >= self._song.exchanges and self._song.farewell and not self._waved and data:
            wire.shutdown(socket.SHUT_WR)
            self._waved = True
        return bool(data)

    def _length(self, *, ended: bool) -> int:
        return self._dialect.complete(bytes(self._inbox), ended=ended)

    def _count(self, length: int) -> None:
        if self.status is None:
            self.status = _status(bytes(self._inbox[:16]))
        del self._inbox[:length]
        self.answers += 1
        if not self._song.at_once and self.answers < self._song.exchanges:
            self._outbox += self._dialect.request

    def _left(self) -> float:
        # A socket time-out of 0 would mean: do not wait at all.
        return max(self.began + self._song.patience - self._clock(), 0.001)


def _status(head: bytes) -> int | None:
    """The status of `HTTP/1.1 200 OK` or `220 ready`."""
    word = head.split(b" ")[1] if head.startswith(b"HTTP/") and b" " in head else head[:3]
    return int(word[:3]) if word[:3].isdigit() else None
