"""The breaker's states. It counts what it is told and says who may pass; it calls nobody but its listener.

    CLOSED ──(too many failed or slow)──▶ OPEN ──(open_for is over, next call)──▶ HALF_OPEN
      ▲                                    ▲                                          │
      └───────(all probes back, good)──────┼──────────────────────────────────────────┤
                                           └──(bad, or no verdict in probes_within)───┘

Each change begins a new generation. A result that belongs to an earlier one is dropped: the late success of a call from
before the outage says nothing about the peer's health now.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from resilience.errors import BreakerOpenError, require_range, require_whole
from resilience.window import Window

_log = logging.getLogger("resilience")


class State(IntEnum):
    """The number is the metric's value."""

    CLOSED = 0
    OPEN = 1
    HALF_OPEN = 2

    @property
    def label(self) -> str:
        """The name in lower case, for logs and health pages."""
        return self.name.lower()


Listener = Callable[[State, State], None]
"""Told (old, new), in order, outside of the lock."""


@dataclass(frozen=True, kw_only=True)
class BreakerSettings:
    """When to stop calling, and when to try again. Raises SettingsError."""

    failure_rate: float = 0.5
    """Opens when this share of the window failed, or more; above 0, to 1."""
    slow_rate: float = 1.0
    """Opens when this share of the window was slow, or more; above 0, to 1."""
    slow_after: float | None = None
    """Seconds from which on a call is slow; None: none is."""
    window: int = 20
    """How many of the last calls are looked at; 1 to 10000."""
    minimum_calls: int = 10
    """Below this many calls nothing opens; 1 to `window`."""
    open_for: float = 5.0
    """Seconds without any call; 0.001 to 3600."""
    probes: int = 3
    """Calls let through in half-open, at once or one by one; they decide by the same rates; 1 to 1000."""
    probes_within: float = 30.0
    """Seconds until half-open without a verdict is open again, lest a hung probe block for ever; 0.001 to 3600."""

    def __post_init__(self) -> None:
        require_range("breaker.failure_rate", self.failure_rate, 1e-6, 1)
        require_range("breaker.slow_rate", self.slow_rate, 1e-6, 1)
        if self.slow_after is not None:
            require_range("breaker.slow_after", self.slow_after, 0.001, 3600)
        require_whole("breaker.window", self.window, 1, 10000)
        require_whole("breaker.minimum_calls", self.minimum_calls, 1, self.window)
        require_range("breaker.open_for", self.open_for, 0.001, 3600)
        require_whole("breaker.probes", self.probes, 1, 1000)
        require_range("breaker.probes_within", self.probes_within, 0.001, 3600)


@dataclass(frozen=True)
class Permit:
    """Leave to make one call. Give it back once: `succeeded`/`failed` or `ignored`."""

    generation: int


class Circuit:
    """The state of one breaker. All methods may be called from any thread."""

    def __init__(
        self,
        settings: BreakerSettings,
        *,
        name: str = "breaker",
        clock: Callable[[], float] = time.monotonic,
        listener: Listener | None = None,
    ) -> None:
        self.name, self.settings = name, settings
        self.rejected = 0
        """Calls rejected so far."""
        self._clock, self._listener = clock, listener
        self._lock = threading.Lock()
        self._telling = threading.RLock()
        self._untold: deque[tuple[State, State]] = deque()
        self._state, self._generation, self._since = State.CLOSED, 0, clock()
        self._window, self._free = self._closed_window(), 0

    @property
    def state(self) -> State:
        """The state now. It stays OPEN until a call asks to pass; `allows` says whether one would."""
        return self._state

    def allows(self) -> bool:
        """Whether a call would be let through now. Takes no permit and changes nothing."""
        with self._lock:
            if self._state is State.HALF_OPEN and not self._overdue():
                return self._free > 0
            return self._state is State.CLOSED or (self._state is State.OPEN and self._wait_left() <= 0)

    def acquire(self) -> Permit:
        """Leave for one call. Raises BreakerOpenError, a new one each time."""
        with self._lock:
            permit = self._permit()
            retry_after = self._retry_after()
            self.rejected += permit is None
        self._tell()
        if permit is None:
            raise BreakerOpenError(f"{self.name}: the breaker is {self._state.label}", retry_after=retry_after)
        return permit

    def record(self, permit: Permit, *, failed: bool, slow: bool = False) -> None:
        """The call is over, and says something about the peer."""
        with self._lock:
            if permit.generation == self._generation:
                self._window.record(failed=failed, slow=slow)
                self._judge()
        self._tell()

    def ignored(self, permit: Permit) -> None:
        """The call is over, and says nothing: the permit is free for another one."""
        with self._lock:
            if permit.generation == self._generation and self._state is State.HALF_OPEN:
                self._free += 1

    def _permit(self) -> Permit | None:
        if self._state is State.CLOSED:
            return Permit(self._generation)
        if self._state is State.HALF_OPEN and self._overdue():
            self._become(State.OPEN)
        elif self._state is State.OPEN and self._wait_left() <= 0:
            self._become(State.HALF_OPEN)
        if self._state is State.HALF_OPEN and self._free > 0:
            self._free -= 1
            return Permit(self._generation)
        return None

    def _judge(self) -> None:
        probing = self._state is State.HALF_OPEN
        if self._window.lost() if probing else self._window.over():
            self._become(State.OPEN)
        elif probing and self._window.full():
            self._become(State.CLOSED)

    def _become(self, new: State) -> None:
        self._untold.append((self._state, new))
        self._state, self._since = new, self._clock()
        self._generation += 1
        probing = new is State.HALF_OPEN
        self._window = self._probe_window() if probing else self._closed_window()
        self._free = self.settings.probes if probing else 0

    def _closed_window(self) -> Window:
        rule = self.settings
        return Window(
            size=rule.window,
            minimum=rule.minimum_calls,
            failure_rate=rule.failure_rate,
            slow_rate=rule.slow_rate,
        )

    def _probe_window(self) -> Window:
        rule = self.settings
        return Window(size=rule.probes, minimum=rule.probes, failure_rate=rule.failure_rate, slow_rate=rule.slow_rate)

    def _wait_left(self) -> float:
        """Seconds until a call may be let through again, as far as is known."""
        limit = self.settings.open_for if self._state is State.OPEN else self.settings.probes_within
        return self._since + limit - self._clock()

    def _retry_after(self) -> float:
        # Probes are on their way: their verdict is near, whatever the limit says.
        longest = self.settings.open_for if self._state is State.OPEN else min(1.0, self.settings.open_for)
        return max(0.001, min(longest, self._wait_left()))

    def _overdue(self) -> bool:
        return self._wait_left() <= 0

    def _tell(self) -> None:
        """Outside of the state's lock, so that a slow listener stops no other call; one at a time, for the order."""
        if not self._untold:
            return
        with self._telling:
            while self._untold:
                change = self._untold.popleft()
                try:
                    if self._listener is not None:
                        self._listener(*change)
                except Exception:
                    # Telling of the change must not change the call's own result.
                    _log.exception("%s: the listener of the breaker failed", self.name)
