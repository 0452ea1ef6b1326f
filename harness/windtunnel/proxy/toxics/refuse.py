"""refuse: a connection is accepted and closed again; the upstream never hears of it."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.proxy.alarm import Alarm
from windtunnel.proxy.toxics.connect import ConnectToxic, Door


@dataclass(frozen=True, kw_only=True)
class RefuseSettings:
    delay: int = 0
    """Milliseconds from when the connection came until it is closed."""
    reset: int = 0
    """Other than 0: closed with RST instead of a plain end."""


class Refuse(ConnectToxic[RefuseSettings]):
    """What a load balancer without a backend does. Unlike `enabled: false` it can hit a share of the connections,
    and open ones live on.
    """

    Settings = RefuseSettings

    def __init__(self, settings: RefuseSettings, door: Door) -> None:
        super().__init__(settings, door)
        self._alarm = Alarm(door.loop, door.clock, self._close)
        self._came = door.clock()

    def start(self) -> None:
        # Never at once: the connection is still being set up.
        self._alarm.set(self._came + max(self.settings.delay, 0) / 1000)

    def stop(self) -> None:
        self._alarm.cancel()

    def _close(self) -> None:
        self.door.touch()
        if self.settings.reset:
            self.door.reset()
        else:
            self.door.end(close=True)
