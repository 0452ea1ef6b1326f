"""Another machine's clock as seen from here: how far it is ahead, and how far from the truth that can be.

A round trip is asked at `asked`, answered there when its clock shows `told`, heard at `heard`. Whatever the way there
and the way back took, the other clock was ahead by between told - heard and told - asked: the middle is the estimate,
half of the round trip its bound (as in NTP, RFC 5905, section 8). Of several, the quickest round trip tells most.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

WINDOW: Final = 10
"""Round trips of which the quickest counts."""


@dataclass(frozen=True)
class Offset:
    """Seconds by which the other clock is ahead, give or take `bound`."""

    seconds: float
    bound: float


class RemoteClock:
    """Collects round trips. The first ones set the start; the last ones show how far the clocks have drifted."""

    def __init__(self) -> None:
        self._first: list[Offset] = []
        self._last: deque[Offset] = deque(maxlen=WINDOW)

    def add(self, *, asked: float, told: float, heard: float) -> None:
        """One round trip; `told` is the other clock's, the rest is ours."""
        offset = Offset(told - (asked + heard) / 2, (heard - asked) / 2)
        if len(self._first) < WINDOW:
            self._first.append(offset)
        self._last.append(offset)

    @property
    def trips(self) -> int:
        """Round trips so far, up to as many as are needed."""
        return len(self._first)

    @property
    def measured(self) -> bool:
        """Whether there were round trips enough."""
        return len(self._first) == WINDOW

    @property
    def first(self) -> Offset:
        """At the start. Raises ValueError before any round trip."""
        return min(self._first, key=_bound)

    @property
    def last(self) -> Offset:
        """Lately. Raises ValueError before any round trip."""
        return min(self._last, key=_bound)

    def to_here(self, theirs: float) -> float:
        """The moment, on our clock, at which the other one showed that."""
        return theirs - self.first.seconds

    def to_there(self, ours: float) -> float:
        """The reverse."""
        return ours + self.first.seconds


def _bound(offset: Offset) -> float:
    return offset.bound
