"""The words of a breaker: its states, and the permits of one generation."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from resilience.window import Window


class State(IntEnum):
    """The number is the metric's value."""

    CLOSED = 0
    OPEN = 1
    HALF_OPEN = 2
    DISABLED = 3
    FORCED_OPEN = 4
    METRICS_ONLY = 5

    @property
    def label(self) -> str:
        """The name in lower case, for logs and health pages."""
        return self.name.lower()


FORCED = (State.DISABLED, State.FORCED_OPEN, State.METRICS_ONLY)

StateListener = Callable[[State, State], None]
"""Told (old, new), in order, outside of the lock."""


class Permit:
    """Leave to make one call. Give it back once: `succeeded`, `record` or `ignored`. One object a generation."""

    __slots__ = ("generation", "window")

    def __init__(self, generation: int, window: Window) -> None:
        self.generation, self.window = generation, window
