"""shared_bandwidth: so many bytes a second for the whole proxy, shared fairly by its connections."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from windtunnel.proxy.alarm import Alarm
from windtunnel.proxy.toxics.base import Outlet, Toxic

LARGEST_TURN = 16 * 1024
"""Bytes that one connection sends before the next one has its turn; at low rates 10 ms worth."""
LEAST_HELD = 64 * 1024
MOST_HELD = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class SharedBandwidthSettings:
    rate: int = 0
    """KB/s, of 1000 bytes, for all connections of the proxy in this direction together. With 0 or less nothing passes
    while it lasts."""


class Line:
    """What the links share: it serves those that hold something in turns, each for a moment of the line's time.

    So each of n busy connections gets an n-th, and what a slow one leaves is for the others.
    """

    def __init__(self, outlet: Outlet) -> None:
        self._clock = outlet.clock
        self._alarm = Alarm(outlet.loop, outlet.clock, self._serve)
        self._queue: deque[SharedBandwidth] = deque()
        self._free_at = outlet.clock()

    def join(self, link: SharedBandwidth) -> None:
        """It holds something now."""
        if not self._queue:
            self._free_at = max(self._free_at, self._clock())
        self._queue.append(link)
        if len(self._queue) == 1:
            self._serve()

    def leave(self, link: SharedBandwidth) -> None:
        """It holds nothing any more. Harmless when it is not there."""
        if link in self._queue:
            self._queue.remove(link)
            self._alarm.cancel()
            self._serve()

    def rate_changed(self) -> None:
        """Whoever is next goes by the new rate from now on."""
        self._alarm.cancel()
        self._free_at = self._clock()
        self._serve()

    def _serve(self) -> None:
        while self._queue:
            link = self._queue[0]
            if link.rate <= 0:
                return
            size = link.turn()
            due = self._free_at + size / (link.rate * 1000)
            if due > self._clock():
                self._alarm.set(due)
                return
            self._free_at = due
            self._queue.popleft()
            if link.pass_on(size):
                self._queue.append(link)


class SharedBandwidth(Toxic[SharedBandwidthSettings]):
    """Holds what comes until the line serves it. Toxiproxy's `bandwidth` limits each connection for itself (#613)."""

    Settings = SharedBandwidthSettings

    def __init__(self, settings: SharedBandwidthSettings, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._line = outlet.shared(lambda: Line(outlet))
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._ended = False

    @property
    def full(self) -> bool:
        return self._held_bytes >= min(max(self.rate * 200, LEAST_HELD), MOST_HELD)

    @property
    def rate(self) -> int:
        return self.settings.rate

    def data(self, chunk: bytes) -> None:
        idle = not self._held
        self._held.append(chunk)
        self._held_bytes += len(chunk)
        if idle:
            self.outlet.touch()
            self._line.join(self)

    def eof(self) -> None:
        self._ended = True
        if not self._held:
            self.outlet.end()

    def update(self, settings: SharedBandwidthSettings) -> None:
        super().update(settings)
        self._line.rate_changed()

    def remove(self) -> None:
        held, ended = list(self._held), self._ended and bool(self._held)
        self.stop()
        for chunk in held:
            self.outlet.send(chunk)
        if ended:
            self.outlet.end()

    def stop(self) -> None:
        self._held.clear()
        self._held_bytes = 0
        self._line.leave(self)

    def turn(self) -> int:
        """Bytes that it sends when its turn comes."""
        return min(max(self.rate * 10, 1), LARGEST_TURN, len(self._held[0]))

    def pass_on(self, size: int) -> bool:
        """Send so many bytes of what is held; True when more is held."""
        chunk = self._held.popleft()
        if size < len(chunk):
            self._held.appendleft(chunk[size:])
        self._held_bytes -= size
        ends = self._ended and not self._held
        self.outlet.send(chunk[:size])
        if ends:
            self.outlet.end()
        return bool(self._held)
