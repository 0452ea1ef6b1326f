"""The client's rate limit: keeps to what was agreed with a peer, instead of being told 429."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from resilience.deadline import due_of
from resilience.errors import RateLimitedError, require_range, require_whole
from resilience.events import Announcer, Listener
from resilience.policy import Policy, note_waiting


@dataclass(frozen=True, kw_only=True)
class RateLimitSettings:
    """How many in a second. Raises SettingsError."""

    per_second: float
    """Attempts in a second in the long run, to all instances together, from this process; 0.001 to 1000000."""
    burst: int = 1
    """Attempts that may go out at once after a pause; 1 to 100000."""
    max_wait: float = 0.0
    """Seconds that a call waits for its turn, and never past its deadline; 0 to 60, 0 rejects at once."""

    def __post_init__(self) -> None:
        require_range("rate_limit.per_second", self.per_second, 0.001, 1_000_000)
        require_whole("rate_limit.burst", self.burst, 1, 100_000)
        require_range("rate_limit.max_wait", self.max_wait, 0, 60)


class Pace:
    """When the next one may go: the generic cell rate algorithm (ITU-T I.371), which is a token bucket in one number.

    No window, so no border at which twice the limit could pass. All methods may be called from any thread.
    """

    def __init__(self, *, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval, self._clock = 1.0 / per_second, clock
        self._credit = (burst - 1) * self._interval
        self._next = clock() - self._credit
        """The theoretical arrival time: when the next one is due, if all came at an even pace."""
        self._refused = self._delayed = 0
        self._lock = threading.Lock()

    @property
    def refused(self) -> int:
        """Turns so far that would have come too late."""
        return self._refused

    @property
    def delayed(self) -> int:
        """Turns so far for which somebody had to wait."""
        return self._delayed

    def reserve(self, patience: float) -> tuple[bool, float]:
        """(True, seconds until its turn), taken, if that is within `patience`; else (False, seconds), nothing taken."""
        with self._lock:
            now = self._clock()
            due = max(self._next, now)
            wait = max(0.0, due - self._credit - now)
            granted = wait <= patience
            if granted:
                self._next = due + self._interval
                self._delayed += wait > 0
            else:
                self._refused += 1
            return granted, wait


class RateLimit(Policy):
    """Waits for its turn, or rejects. Policies that share `pace` share the rate. Raises RateLimitedError."""

    def __init__(
        self,
        inner: httpx.BaseTransport,
        settings: RateLimitSettings,
        *,
        pace: Pace | None = None,
        name: str = "call",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        events: Listener | None = None,
    ) -> None:
        super().__init__(inner)
        self.pace = pace or Pace(per_second=settings.per_second, burst=settings.burst, clock=clock)
        self._settings, self._name, self._sleep = settings, name, sleep
        self._announce = Announcer(name, "rate_limit", events)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        due, patience = due_of(request), self._settings.max_wait
        granted, wait = self.pace.reserve(patience if due is None else min(patience, max(0.0, due.left())))
        if not granted:
            why = f"{self._settings.per_second:g} calls a second are agreed"
            self._announce("rejected", why)
            raise RateLimitedError(f"{self._name}: {why}; the next one fits in {wait:.3f} s", retry_after=wait)
        if wait > 0:
            self._sleep(wait)
            note_waiting(request, wait)
        return self._inner.handle_request(request)
