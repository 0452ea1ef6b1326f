"""What the policies raise.

httpx.TransportError
└── PolicyError                   a policy ended the call, not the network
    ├── DeadlineExceededError     the time of the call is used up
    └── RejectedError             rejected here, at once, without being sent
        ├── BreakerOpenError      the breaker is open
        ├── BulkheadFullError     all slots are taken, and no place to wait, or too long
        ├── RateLimitedError      more calls than were agreed
        └── NoInstanceError       the service has no instance that is known

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


class RejectedError(PolicyError):
    """The call was rejected without being sent."""

    # An outage makes thousands of these a second. What `HTTPError.__init__` would set is set here once; the message is
    # kept by `BaseException.__new__`.
    _request: httpx.Request | None = None

    def __init__(self, message: str, *, retry_after: float) -> None:
        self.retry_after = retry_after
        """Seconds after which it is worth trying again; more than 0."""


class BreakerOpenError(RejectedError):
    """The breaker is open; `retry_after` is the time until it lets a probe through."""


class BulkheadFullError(RejectedError):
    """All slots are taken, and the queue is full, or waiting in it took too long."""


class RateLimitedError(RejectedError):
    """The call would exceed the rate; `retry_after` is the time until one more fits."""


class NoInstanceError(RejectedError):
    """No instance of the service is known."""


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
