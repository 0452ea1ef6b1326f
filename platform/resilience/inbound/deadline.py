"""The deadline's gate: work that nobody waits for any more is never started.

A caller says how long it will wait (`X-Request-Timeout-Ms`); the calls that are made in turn get what is left of that.
A service adds a longest time of its own, for callers that name none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from resilience.deadline import Due
from resilience.inbound.gate import Arrival, Refusal

PASSED = Refusal(status=504, kind="deadline-passed", detail="The caller's time had passed before anything was done")


class DeadlineGate:
    """Refuses with 504 what has no time left. `longest` is in seconds."""

    name = "deadline"

    def __init__(self, longest: float, clock: Callable[[], float]) -> None:
        self._longest, self._clock = longest, clock
        self._lock = threading.Lock()
        self.refused = 0

    def enter(self, arrival: Arrival) -> Refusal | None:
        seconds = self._longest if arrival.timeout is None else min(arrival.timeout, self._longest)
        arrival.due = Due(arrival.at + seconds, self._clock)
        return self.late() if arrival.due.left() <= 0 else None

    def late(self) -> Refusal:
        """Count one and say so; also for a request whose time ran out while its body was still coming in."""
        with self._lock:
            self.refused += 1
        return PASSED
