"""The life of a service as a load balancer sees it: alive, ready, draining."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Life:
    """Alive from the beginning; ready until it drains. Draining is final."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal can come while the handler of the one before it runs
        self._draining = False

    @property
    def draining(self) -> bool:
        """No new work should come here: readiness says no, and kept connections are given up."""
        return self._draining

    def drain(self, notice: float, stop: Callable[[], None]) -> None:
        """Turn away first, stop accepting `notice` seconds later. Only the first call counts; returns at once."""
        with self._lock:
            if self._draining:
                return
            self._draining = True
        timer = threading.Timer(notice, stop)
        timer.daemon = True
        timer.start()
