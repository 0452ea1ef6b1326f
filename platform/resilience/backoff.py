"""How often to try again and how long to wait before it: exponential, with full jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass

from resilience.errors import require_range, require_whole


@dataclass(frozen=True, kw_only=True)
class RetrySettings:
    """How often and how late. Raises SettingsError."""

    attempts: int | None = 3
    """With the first; 1 to 100. None: as many as the deadline leaves time for."""
    base: float = 0.05
    """Seconds; the n-th wait is drawn from 0 to base * 2^(n-1) (full jitter); 0 to 60, 0 is no wait."""
    cap: float = 1.0
    """Seconds; the widest range a wait is drawn from; base to 3600."""
    longest_wait: float = 30.0
    """Seconds; a server that asks for more (`Retry-After`) is not tried again; 0 to 86400."""

    def __post_init__(self) -> None:
        if self.attempts is not None:
            require_whole("retry.attempts", self.attempts, 1, 100)
        require_range("retry.base", self.base, 0, 60)
        require_range("retry.cap", self.cap, self.base, 3600)
        require_range("retry.longest_wait", self.longest_wait, 0, 86400)


class Backoff:
    """The waits of all calls of one retry. Has no state but its source of chance, so that calls do not share theirs.

    Full jitter, also at the cap: callers that failed together do not come back together (the AWS Architecture Blog's
    "Exponential Backoff and Jitter").
    """

    def __init__(self, settings: RetrySettings, rng: random.Random | None = None) -> None:
        self.settings, self._rng = settings, rng or random.Random()

    def last(self, attempt: int) -> bool:
        """Whether no attempt may follow this one, the first being 1."""
        return self.settings.attempts is not None and attempt >= self.settings.attempts

    def wait(self, attempt: int) -> float:
        """Seconds to wait after this attempt."""
        # The exponent is bounded because 2.0 ** 1024 is an error, not infinity.
        widest = min(self.settings.cap, self.settings.base * 2.0 ** min(attempt - 1, 100))
        return self._rng.uniform(0, widest)
