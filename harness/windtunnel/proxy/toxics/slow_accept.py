"""slow_accept: a connection is taken up late, as by a server that is too busy to accept."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.proxy.alarm import Alarm
from windtunnel.proxy.toxics.connect import ConnectToxic, Door


@dataclass(frozen=True, kw_only=True)
class SlowAcceptSettings:
    delay: int = 0
    """Milliseconds from when the connection came until it is taken up."""


class SlowAccept(ConnectToxic[SlowAcceptSettings]):
    """The kernel has greeted the client, as it does for a server that does not call accept; then nothing happens.

    The upstream is reached only when the time is up, so a server that speaks first is late too.
    """

    Settings = SlowAcceptSettings

    def __init__(self, settings: SlowAcceptSettings, door: Door) -> None:
        super().__init__(settings, door)
        self._alarm = Alarm(door.loop, door.clock, door.let_in)
        self._came = door.clock()

    def start(self) -> None:
        self._alarm.cancel()
        due = self._came + self.settings.delay / 1000
        if due > self.door.clock():
            self.door.touch()
            self._alarm.set(due)
        else:
            self.door.let_in()

    def stop(self) -> None:
        self._alarm.cancel()
