"""A number that many threads raise, for metrics: no raise is lost, and none waits for a lock."""

from __future__ import annotations

import itertools


class Count:
    """Counts from 0. `add()` is one call into C, which the interpreter does not interrupt; reading is dearer."""

    __slots__ = ("_ticks", "add")

    def __init__(self) -> None:
        self._ticks = itertools.count()
        self.add = self._ticks.__next__
        """Raise it by one; the number before is returned, so each caller gets another one."""

    @property
    def value(self) -> int:
        """How often it was raised."""
        # `count(17)`: the only way to look at it without raising it.
        return int(repr(self._ticks)[6:-1])
