"""Load shedding: how many requests are worked on at once adapts to what the service can do in time.

AIMD, additive increase and multiplicative decrease, as in TCP (RFC 5681) and in Netflix's concurrency-limits
(`AIMDLimit`): one more slot when a request that was done in time found at least half of the slots taken, a tenth less
when one was late. What is late counts once: a request that was already running at the last cut says nothing new.

Late is what the caller itself had given up, or what took longer than `slow_after`. Latency alone would be the wrong
signal here: a slow dependency makes every answer slower without the service being overloaded.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from resilience.errors import SettingsError, require_range, require_whole
from resilience.inbound.gate import Arrival, Refusal


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """Between which bounds, and how fast. Raises SettingsError. Counted per process."""

    minimum: int = 8
    """Never fewer at once; 1 to `maximum`."""
    initial: int = 20
    """At the start; `minimum` to `maximum`."""
    maximum: int = 28
    """Never more at once; to 10000. Keep it below the number of threads, so that one is left to refuse and to be asked
    for health."""
    backoff: float = 0.9
    """What is left of the limit after a late request; 0.5 to 0.99."""
    slow_after: float = 2.0
    """Seconds from which on a request is late whatever its caller says; 0.001 to 3600."""

    def __post_init__(self) -> None:
        require_whole("limit.maximum", self.maximum, 1, 10_000)
        require_whole("limit.minimum", self.minimum, 1, self.maximum)
        require_whole("limit.initial", self.initial, self.minimum, self.maximum)
        require_range("limit.backoff", self.backoff, 0.5, 0.99)
        require_range("limit.slow_after", self.slow_after, 0.001, 3600)


class Aimd:
    """The rule alone: no threads, no requests."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self.limit = float(settings.initial)
        self._cut_at = float("-inf")

    def over(self, *, began: float, now: float, in_flight: int, late: bool) -> None:
        """A request that began then is over now; `in_flight` counts it still."""
        if late:
            if began >= self._cut_at:
                self._cut_at = now
                self.limit = max(float(self._settings.minimum), self.limit * self._settings.backoff)
        elif in_flight * 2 >= self.limit:
            self.limit = min(float(self._settings.maximum), self.limit + 1)


class ConcurrencyLimit:
    """Refuses with 503 what is too much, at once: a queue would only make everybody late."""

    name = "limit"

    def __init__(self, settings: LimitSettings) -> None:
        self._settings, self._rule = settings, Aimd(settings)
        self._lock = threading.Lock()
        self.in_flight = 0
        self.refused = 0

    @property
    def limit(self) -> int:
        """How many may be worked on at once now."""
        return int(self._rule.limit)

    def enter(self, arrival: Arrival) -> Refusal | None:
        with self._lock:
            if self.in_flight < int(self._rule.limit):
                self.in_flight += 1
                return None
            self.refused += 1
        return Refusal(status=503, kind="overloaded", detail="Too much to do at once; nothing was done", retry_after=1)

    def leave(self, arrival: Arrival, now: float) -> None:
        gave_up = arrival.timeout is not None and now - arrival.at >= arrival.timeout
        late = gave_up or now - arrival.at >= self._settings.slow_after
        with self._lock:
            self._rule.over(began=arrival.at, now=now, in_flight=self.in_flight, late=late)
            self.in_flight -= 1


def require_fit(settings: LimitSettings, threads: int) -> None:
    """Raises SettingsError when the limit could take every thread there is."""
    if settings.maximum >= threads:
        raise SettingsError(
            f"limit.maximum is {settings.maximum} with {threads} threads; right is at most {threads - 1}, "
            "so that a thread is left to refuse and to answer for health"
        )
