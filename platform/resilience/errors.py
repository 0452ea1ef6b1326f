"""What the policies raise.

httpx.TransportError
└── PolicyError                 a policy ended the call, not the network
    ├── DeadlineExceededError   the time of the call is used up
    └── BreakerOpenError        the breaker is open: rejected here, at once

ValueError
└── SettingsError               a policy was configured with a value that makes no sense

A policy's error is a `TransportError`, so `except httpx.TransportError` catches it, but no `ConnectError` or other
leaf, so that no retry elsewhere takes it for the network's fault.
"""

from __future__ import annotations

import httpx


class PolicyError(httpx.TransportError):
    """A policy ended the call."""


class DeadlineExceededError(PolicyError):
    """The total time of a call is used up. Its cause, if any, is the network operation that was cut short."""


class BreakerOpenError(PolicyError):
    """The call was rejected without being sent."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        self.retry_after = retry_after
        """Seconds until the breaker lets a probe through; more than 0."""
        super().__init__(message)


class SettingsError(ValueError):
    """A setting is out of range. One line: which setting, what it is, what would be right."""


def require_range(setting: str, value: float, low: float, high: float) -> None:
    """Raises SettingsError unless low <= value <= high (NaN is never)."""
    if not low <= value <= high:
        raise SettingsError(f"{setting} is {value!r}; right is a number from {low:g} to {high:g}")


def require_whole(setting: str, value: float, low: int, high: int) -> None:
    """Raises SettingsError unless value is a whole number, low <= value <= high."""
    if not isinstance(value, int) or not low <= value <= high:
        raise SettingsError(f"{setting} is {value!r}; right is a whole number from {low} to {high}")
