"""Giving a group of processes a share of the time only: stopped and let go on, over and over.

    |run|--- stopped ---|run|--- stopped ---|      one period: 100 ms

The nearest to a CPU limit that needs no cgroup of one's own. It is coarser: within its turn the group has all
processors, and it also stands still when it would only have waited.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

PERIOD = 0.1
"""Seconds: what Linux takes for a cgroup's CPU limit, too."""


class DutyCycle:
    """Runs in a thread of its own until `end()`, which lets the group go on."""

    def __init__(
        self, share: float, stop: Callable[[], None], go_on: Callable[[], None], period: float = PERIOD
    ) -> None:
        """`share` of each `period` (seconds) the group runs; above 0, below 1."""
        self.share = share
        self._stop, self._go_on, self._period = stop, go_on, period
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._turn, name="windtunnel-throttle", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """The group runs when this returns. Can be called twice."""
        self._over.set()
        self._thread.join()
        self._go_on()

    def _turn(self) -> None:
        while True:
            self._stop()
            if self._over.wait(self._period * (1 - self.share)):
                return
            self._go_on()
            if self._over.wait(self._period * self.share):
                return
