"""Waiting for a condition, with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

POLL = 0.01
"""Seconds between two looks, at least."""
REST = 4
"""Times as long as a look took, at least: looking must not take the processors from what is looked at."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """A clock and a way to pass time; both are replaced in tests."""

    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until the condition holds; False when it does not within so many seconds. It is tried at least once."""
        begun = self.clock()
        deadline = begun + seconds
        while not condition():
            ended = self.clock()
            if ended >= deadline:
                return False
            self.pause(max(POLL, REST * (ended - begun)))
            begun = self.clock()
        return True
