"""The retry budget: how much of its traffic a caller may repeat, so that an outage is not made worse by its callers.

The rule is gRPC's (proposal A6, "throttling retry attempts"): a bucket of tokens; an attempt that failed takes one, one
that did not puts `ratio` back; nothing is tried again while the bucket is half empty or less. In an outage the first
few failures use it up, and from then on a caller sends no more than it would without retries.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from resilience.errors import require_range

_PARTS = 1000
"""Tokens are counted in thousandths: sums of 0.1 would drift."""


@dataclass(frozen=True, kw_only=True)
class BudgetSettings:
    """How big the bucket is, and how fast it fills. Raises SettingsError."""

    tokens: float = 10.0
    """The bucket when full, as which it begins; half of it is the number of failures until retries end; 1 to 1000."""
    ratio: float = 0.1
    """What one success puts back: in the long run this share of all calls may be repeated; 0.001 to 1."""

    def __post_init__(self) -> None:
        require_range("budget.tokens", self.tokens, 1, 1000)
        require_range("budget.ratio", self.ratio, 0.001, 1)


class Budget:
    """One bucket, for all calls of an edge. All methods may be called from any thread."""

    def __init__(self, settings: BudgetSettings) -> None:
        self._most, self._gain = round(settings.tokens * _PARTS), round(settings.ratio * _PARTS)
        self._left = self._most
        self._refused = 0
        self._lock = threading.Lock()

    @property
    def level(self) -> float:
        """Tokens in the bucket."""
        return self._left / _PARTS

    @property
    def refused(self) -> int:
        """Retries that were not made because of it."""
        return self._refused

    def succeeded(self) -> None:
        """An attempt ended with an answer."""
        if self._left >= self._most:
            return  # the usual case needs no lock
        with self._lock:
            self._left = min(self._most, self._left + self._gain)

    def failed(self) -> None:
        """An attempt ended with a failure of the kind that is tried again."""
        with self._lock:
            self._left = max(0, self._left - _PARTS)

    def allows(self) -> bool:
        """Whether another attempt may be made now; a no is counted."""
        with self._lock:
            allowed = self._left * 2 > self._most
            self._refused += not allowed
            return allowed
