"""A reset that comes after what was sent before it."""

from __future__ import annotations

from windtunnel.proxy.alarm import Alarm
from windtunnel.proxy.toxics.base import Outlet

FLUSH = 0.01
"""Seconds. A loop may write at the end of its turn only, and a reset throws away what was not written."""


class Severance:
    """Resets the connection of one link, a moment after it was begun."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._alarm: Alarm | None = None

    def begin(self) -> None:
        """Soon."""
        self._alarm = Alarm(self._outlet.loop, self._outlet.clock, self._outlet.reset)
        self._alarm.set(self._outlet.clock() + FLUSH)

    def hasten(self) -> None:
        """Now, if it was begun."""
        if self._alarm is not None:
            self.cancel()
            self._outlet.reset()

    def cancel(self) -> None:
        """Not any more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
