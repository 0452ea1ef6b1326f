"""The rate limit: no client takes more than its share.

GCRA, the generic cell rate algorithm (ITU-T I.371, the virtual scheduling form): one number a client, the moment at
which its bucket would be empty again. It has no window, so there is no border at which twice the rate gets through.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from resilience.errors import require_range, require_whole
from resilience.inbound.gate import Arrival, Refusal


@dataclass(frozen=True, kw_only=True)
class RateLimitSettings:
    """How much one client may ask for. Raises SettingsError. Counted per process."""

    rate: float
    """Requests a second in the long run; 0.001 to 1000000."""
    burst: int
    """Requests at once, after a pause; 1 to 1000000."""
    clients: int = 10_000
    """How many are remembered; beyond that the one that was seen least lately is forgotten; 1 to 1000000."""

    def __post_init__(self) -> None:
        require_range("rate_limit.rate", self.rate, 0.001, 1e6)
        require_whole("rate_limit.burst", self.burst, 1, 1_000_000)
        require_whole("rate_limit.clients", self.clients, 1, 1_000_000)


class RateLimit:
    """Refuses with 429 and the exact time to wait. A client is the other end of the connection."""

    name = "rate_limit"

    def __init__(self, settings: RateLimitSettings, clock: Callable[[], float]) -> None:
        self._settings, self._clock = settings, clock
        self._interval = 1.0 / settings.rate
        self._tolerance = (settings.burst - 1) * self._interval
        self._empty_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()
        self.refused = 0

    def enter(self, arrival: Arrival) -> Refusal | None:
        wait = self.take(arrival.client)
        if wait <= 0:
            return None
        return Refusal(
            status=429,
            kind="rate-limited",
            detail=f"More than {self._settings.rate:g} requests a second from this client",
            retry_after=wait,
        )

    def take(self, client: str) -> float:
        """0 when the request may pass, else the seconds after which it could have."""
        now = self._clock()
        with self._lock:
            empty_at = max(now, self._empty_at.get(client, now))
            wait = empty_at - now - self._tolerance
            if wait > 1e-9:  # less is rounding: a client that waits exactly as long as it was told must pass
                self.refused += 1
                return wait
            self._empty_at[client] = empty_at + self._interval
            self._empty_at.move_to_end(client)
            if len(self._empty_at) > self._settings.clients:
                self._empty_at.popitem(last=False)
            return 0.0
