"""slicer: data arrives in small pieces, as from a slow or badly tuned sender."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property
from math import inf
from random import Random

from windtunnel.proxy.alarm import Alarm
from windtunnel.proxy.toxics.base import Outlet, Toxic

MOST_HELD = 256 * 1024
"""Bytes held per link before the source is no longer read."""


@dataclass(frozen=True, kw_only=True)
class SlicerSettings:
    average_size: int = 0
    """Bytes of a piece, about; 0 or less: nothing is cut."""
    size_variation: int = 0
    """Bytes by which a cut is moved at random, either way; less than 0 counts as 0."""
    delay: int = 0
    """Microseconds after each piece. Timers tick in milliseconds: shorter delays are kept on the average."""


class Slicer(Toxic[SlicerSettings]):
    """Halves each chunk until no part is larger than average_size + size_variation. One piece leaves per loop turn,
    so that each is a write of its own.

    The halves are Toxiproxy's. Unlike there, no settings can make it cut for ever: a cut leaves a byte on either side.
    """

    Settings = SlicerSettings

    def __init__(self, settings: SlicerSettings, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._alarm = Alarm(outlet.loop, outlet.clock, self._release)
        self._held: deque[bytes | None] = deque()
        self._held_bytes = 0
        self._parts: list[tuple[int, int]] = []
        """Of the chunk at the head, what has not left yet, the next part last."""
        self._free_at = -inf

    @property
    def full(self) -> bool:
        return self._held_bytes >= MOST_HELD

    def data(self, chunk: bytes) -> None:
        self._hold(chunk)

    def eof(self) -> None:
        self._hold(None)

    def update(self, settings: SlicerSettings) -> None:
        super().update(settings)
        if self._held:
            self._free_at = self.outlet.clock()
            self._alarm.set(self._free_at)

    def remove(self) -> None:
        while self._held:
            self._send(self._rest())
        self.stop()

    def stop(self) -> None:
        self._alarm.cancel()
        self._held.clear()
        self._parts.clear()
        self._held_bytes = 0

    def _hold(self, chunk: bytes | None) -> None:
        self._held.append(chunk)
        self._held_bytes += len(chunk or b"")
        if len(self._held) > 1:
            return
        now = self.outlet.clock()
        if self._free_at > now:
            self._wait()
        else:
            self._free_at = now
            self._release()

    def _release(self) -> None:
        piece = self._piece()
        self._free_at += max(self.settings.delay, 0) / 1_000_000
        self._send(piece)
        if self._held:
            self._wait()

    def _wait(self) -> None:
        if self._parts or self._free_at > self.outlet.clock():
            self.outlet.touch()
        self._alarm.set(self._free_at)

    def _piece(self) -> bytes | None:
        chunk = self._held[0]
        if chunk is None:
            return self._held.popleft()
        start, end = self._parts.pop() if self._parts else (0, len(chunk))
        while self._too_large(end - start):
            middle = self._middle(start, end)
            self._parts.append((middle, end))
            end = middle
        if not self._parts:
            self._held.popleft()
        return chunk[start:end]

    def _rest(self) -> bytes | None:
        """What is left of the head, uncut."""
        chunk = self._held.popleft()
        if chunk is not None and self._parts:
            chunk = chunk[self._parts[-1][0] :]
        self._parts.clear()
        return chunk

    def _too_large(self, length: int) -> bool:
        average = self.settings.average_size
        return average > 0 and length > max(average + max(self.settings.size_variation, 0), 1)

    def _middle(self, start: int, end: int) -> int:
        middle, variation = start + (end - start) // 2, self.settings.size_variation
        if variation > 0:
            middle += self._rng.randrange(2 * variation) - variation
        return min(max(middle, start + 1), end - 1)

    def _send(self, piece: bytes | None) -> None:
        if piece is None:
            self.outlet.end()
        else:
            self._held_bytes -= len(piece)
            self.outlet.send(piece)

    @cached_property
    def _rng(self) -> Random:
        return self.outlet.generator()
