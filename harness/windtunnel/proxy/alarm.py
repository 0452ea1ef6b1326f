"""A timer that can be moved, and never rings early."""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from math import ceil

Clock = Callable[[], float]
"""Seconds, monotonic."""
Loop = AbstractEventLoop

LONGEST = 3600.0
"""Seconds slept in one go: an attribute may ask for longer than a timer can hold."""


class Alarm:
    """Calls `act` on the loop once the clock has reached the time that was set."""

    def __init__(self, loop: Loop, clock: Clock, act: Callable[[], None]) -> None:
        self._loop, self._clock, self._act = loop, clock, act
        self._due = 0.0
        self._handle: TimerHandle | None = None

    def set(self, due: float) -> None:
        """Ring at `due` (clock seconds), whatever was set before."""
        self.cancel()
        self._due = due
        self._arm()

    def cancel(self) -> None:
        """Do not ring. Harmless when nothing is set."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self) -> None:
        # uvloop rounds to whole milliseconds, down too: round up here, or the loop would spin until it is due.
        delay = ceil(min(self._due - self._clock(), LONGEST) * 1000) / 1000
        self._handle = self._loop.call_later(max(delay, 0.0), self._ring)

    def _ring(self) -> None:
        self._handle = None
        if self._clock() < self._due:
            self._arm()
        else:
            self._act()
