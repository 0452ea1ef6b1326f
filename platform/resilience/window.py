"""The rule that opens a breaker: what share of the recent calls failed, or was slow. No states and no threads here.

Recent is the last `size` calls, or the calls of the last `seconds`. Rates are compared with >=, and a share is unknown,
hence never over, below the minimum of calls (Resilience4j's rules).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

FAILED, SLOW = 1, 2
"""The marks of a call, as bits; 0 is a call that went well."""

_BUCKETS = 10
"""Parts of a time window. What is forgotten is forgotten one part at a time."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Which shares are too much."""

    failure: float
    slow: float

    def reached(self, calls: int, failed: int, slow: int) -> str | None:
        """Which share has reached its limit, in words; None when neither has."""
        # Quotients, since 0.07 * 100 is more than 7.
        if failed / calls >= self.failure:
            return f"{failed} of {calls} calls failed"
        if slow / calls >= self.slow:
            return f"{slow} of {calls} calls were slow"
        return None


class Window(Protocol):
    """What a circuit needs of a window."""

    def good(self) -> int | None:
        """A call went well. Needs no lock. A number: `put` it, under the circuit's lock, and look at `over`."""

    def put(self, mark: int, turn: int | None = None) -> None:
        """A call has ended, with these marks."""

    def over(self) -> str | None:
        """Which share had reached its limit at the last `put`, in words."""


class NoWindow:
    """Looks at nothing."""

    def good(self) -> int | None:
        """Nothing to do."""
        return None

    def put(self, mark: int, turn: int | None = None) -> None:
        """Nothing to remember."""

    def over(self) -> str | None:
        """Never."""
        return None


class CountWindow:
    """The last `size` calls, in a ring: a call takes the next turn, and the place of the call `size` turns ago.

    A good call that takes the place of a good one changes nothing but the turn, so it needs no lock: that is the way of
    nearly every call. It cannot open anything either, once the minimum of calls is there.
    """

    def __init__(self, rates: Rates, *, size: int, minimum: int) -> None:
        self._rates, self._size, self._minimum = rates, size, min(minimum, size)
        self._turn = itertools.count().__next__
        self._marks = bytearray(size)
        self._owners = [-1] * size
        self._calls = self._failed = self._slow = 0

    def good(self) -> int | None:
        turn = self._turn()
        return turn if turn < self._minimum or self._marks[turn % self._size] else None

    def put(self, mark: int, turn: int | None = None) -> None:
        turn = self._turn() if turn is None else turn
        place = turn % self._size
        if turn < self._owners[place]:
            return  # a whole round later than the others: its call has left the window already
        old, self._marks[place], self._owners[place] = self._marks[place], mark, turn
        self._failed += (mark & FAILED) - (old & FAILED)
        self._slow += (mark >> 1) - (old >> 1)
        self._calls = max(self._calls, min(self._size, turn + 1))

    def over(self) -> str | None:
        return self._rates.reached(self._calls, self._failed, self._slow) if self._calls >= self._minimum else None

    def lost(self) -> str | None:
        """Which share will have reached its limit once the window is full, whatever comes until then."""
        return self._rates.reached(self._size, self._failed, self._slow)

    def full(self) -> bool:
        """Whether `size` calls are in it."""
        return self._calls == self._size


class TimeWindow:
    """The calls of the last `seconds`, in ten parts, so that memory does not grow with traffic."""

    def __init__(self, rates: Rates, *, seconds: float, minimum: int, clock: Callable[[], float]) -> None:
        self._rates, self._minimum, self._clock = rates, minimum, clock
        self._span = seconds / _BUCKETS
        self._parts = [[0, 0, 0] for _ in range(_BUCKETS)]
        self._calls = self._failed = self._slow = 0
        self._newest = int(clock() / self._span)

    def good(self) -> int | None:
        return 0  # time passes also without calls, so that each one has to look

    def put(self, mark: int, turn: int | None = None) -> None:
        part = self._current()
        part[0] += 1
        self._calls += 1
        if mark:
            failed, slow = mark & FAILED, mark >> 1
            part[1] += failed
            part[2] += slow
            self._failed += failed
            self._slow += slow

    def over(self) -> str | None:
        return self._rates.reached(self._calls, self._failed, self._slow) if self._calls >= self._minimum else None

    def _current(self) -> list[int]:
        now = int(self._clock() / self._span)
        if now > self._newest:
            self._forget(now)
        return self._parts[self._newest % _BUCKETS]

    def _forget(self, now: int) -> None:
        """All parts that are older than the window, the current one's predecessor in the ring among them."""
        for number in range(max(self._newest + 1, now - _BUCKETS + 1), now + 1):
            calls, failed, slow = self._parts[number % _BUCKETS]
            self._calls -= calls
            self._failed -= failed
            self._slow -= slow
            self._parts[number % _BUCKETS] = [0, 0, 0]
        self._newest = now
