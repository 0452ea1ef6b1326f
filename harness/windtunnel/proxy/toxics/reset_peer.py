"""reset_peer: the connection is cut with RST once something came through it."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.proxy.alarm import Alarm
from windtunnel.proxy.toxics.base import Outlet, Toxic

MOST_HELD = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class ResetPeerSettings:
    timeout: int = 0
    """Milliseconds from the first data, or close, in its direction to the reset."""


class ResetPeer(Toxic[ResetPeerSettings]):
    """Lets nothing pass, and resets both sides. Taken off before that, the connection lives on with nothing lost.

    Unlike Toxiproxy's, it resets connections that were open before it came, its wait can be ended, and a connection
    that it spares ends like any other.
    """

    Settings = ResetPeerSettings

    def __init__(self, settings: ResetPeerSettings, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._alarm = Alarm(outlet.loop, outlet.clock, self._cut)
        self._held: list[bytes] = []
        self._ended = False
        self._first: float | None = None

    @property
    def full(self) -> bool:
        return sum(map(len, self._held)) >= MOST_HELD

    def data(self, chunk: bytes) -> None:
        self._held.append(chunk)
        self._wait()

    def eof(self) -> None:
        self._ended = True
        self._wait()

    def update(self, settings: ResetPeerSettings) -> None:
        super().update(settings)
        if self._first is not None:
            self._wait()

    def remove(self) -> None:
        for chunk in self._held:
            self.outlet.send(chunk)
        if self._ended:
            self.outlet.end()
        self.stop()

    def stop(self) -> None:
        self._alarm.cancel()
        self._held = []

    def _wait(self) -> None:
        now = self.outlet.clock()
        self._first = now if self._first is None else self._first
        due = self._first + self.settings.timeout / 1000
        if due > now:
            self._alarm.set(due)
        else:
            self._cut()

    def _cut(self) -> None:
        self.outlet.touch()
        self.outlet.reset()
