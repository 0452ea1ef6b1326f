"""timeout: a black hole. Nothing passes; after a while the connection is closed."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.proxy.alarm import Alarm
from windtunnel.proxy.toxics.base import Outlet, Toxic


@dataclass(frozen=True, kw_only=True)
class TimeoutSettings:
    timeout: int = 0
    """Milliseconds, from when the toxic and the connection met; 0 or less: it is never closed by time."""


class Timeout(Toxic[TimeoutSettings]):
    """Drops all data. Bytes are missing from the stream then, so taking it off closes the connection too.

    Unlike Toxiproxy's, its time runs once: data that keeps coming does not start it again.
    """

    Settings = TimeoutSettings

    def __init__(self, settings: TimeoutSettings, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._alarm = Alarm(outlet.loop, outlet.clock, self._expire)
        self._met = outlet.clock()

    def start(self) -> None:
        if self.settings.timeout > 0:
            self._alarm.set(self._met + self.settings.timeout / 1000)

    def data(self, chunk: bytes) -> None:
        self.outlet.touch()

    def update(self, settings: TimeoutSettings) -> None:
        self._alarm.cancel()
        super().update(settings)
        self.start()

    def remove(self) -> None:
        self.stop()
        self.outlet.end(close=True)

    def stop(self) -> None:
        self._alarm.cancel()

    def _expire(self) -> None:
        self.outlet.touch()
        self.outlet.end(close=True)
