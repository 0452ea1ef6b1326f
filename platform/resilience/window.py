"""The rule that opens a breaker: what share of the last calls failed, or was slow. No states, time or threads here."""

from __future__ import annotations

from collections import deque


class Window:
    """The last `size` calls. Unknown, and so never over, until `minimum` calls are in it."""

    def __init__(self, *, size: int, minimum: int, failure_rate: float, slow_rate: float) -> None:
        self._calls: deque[tuple[bool, bool]] = deque()
        self._size, self._minimum = size, min(minimum, size)
        self._failure_rate, self._slow_rate = failure_rate, slow_rate
        self._failed = self._slow = 0

    def record(self, *, failed: bool, slow: bool) -> None:
        """Add a finished call; the oldest leaves when the window is full."""
        if len(self._calls) == self._size:
            old_failed, old_slow = self._calls.popleft()
            self._failed -= old_failed
            self._slow -= old_slow
        self._calls.append((failed, slow))
        self._failed += failed
        self._slow += slow

    def over(self) -> bool:
        """Whether a share has reached its limit."""
        calls = len(self._calls)
        return calls >= self._minimum and self._reached(calls)

    def lost(self) -> bool:
        """Whether a share will have reached its limit once the window is full, whatever comes until then."""
        return self._reached(self._size)

    def full(self) -> bool:
        """Whether `size` calls are in it."""
        return len(self._calls) == self._size

    def _reached(self, calls: int) -> bool:
        # A quotient, since 0.07 * 100 is more than 7.
        return self._failed / calls >= self._failure_rate or self._slow / calls >= self._slow_rate
