"""The settings of a breaker."""

from __future__ import annotations

from dataclasses import dataclass

from resilience.errors import require_range, require_whole


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
    """How many of the last calls are looked at; 1 to 10000. Without a meaning when `window_seconds` is set."""
    window_seconds: float | None = None
    """Look at the calls of the last so many seconds instead, in ten parts; 0.1 to 3600."""
    minimum_calls: int = 10
    """Below this many calls nothing opens; 1 to `window`, or to 10000 with `window_seconds`."""
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
        if self.window_seconds is not None:
            require_range("breaker.window_seconds", self.window_seconds, 0.1, 3600)
        most = self.window if self.window_seconds is None else 10000
        require_whole("breaker.minimum_calls", self.minimum_calls, 1, most)
        require_range("breaker.open_for", self.open_for, 0.001, 3600)
        require_whole("breaker.probes", self.probes, 1, 1000)
        require_range("breaker.probes_within", self.probes_within, 0.001, 3600)
