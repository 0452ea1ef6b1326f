"""The deadline: how long a call may take, everything included, and how the next service learns of it.

The moment at which a call is over travels with the request (`Request.extensions`), down to the wire, which cuts every
network operation there. To the next service it travels as time left, since two machines share no clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import httpx

from resilience.errors import DeadlineExceededError
from resilience.policy import Policy

REQUEST_TIMEOUT_HEADER = "X-Request-Timeout-Ms"
"""Whole milliseconds that the caller will still wait when this request leaves it."""

_EXTENSION = "resilience.due"
_ROUNDING = 0.001
"""Seconds. A system call may give up a hair before its timeout."""


@dataclass(frozen=True)
class Due:
    """The moment at which a call is over, on `clock`."""

    at: float
    clock: Callable[[], float]

    def left(self) -> float:
        """Seconds until then; negative afterwards."""
        return self.at - self.clock()


_scope: ContextVar[Due | None] = ContextVar("resilience.deadline_scope", default=None)


@contextmanager
def deadline_scope(seconds: float | None, *, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Calls made inside, by this thread or task, end within `seconds` where their own deadline is not nearer.

    Scopes nest, the nearest end counts; None adds nothing. An edge whose deadline is switched off ignores them.
    """
    token = _scope.set(_nearer(_scope.get(), None if seconds is None else Due(clock() + seconds, clock)))
    try:
        yield
    finally:
        _scope.reset(token)


def time_left() -> float | None:
    """Seconds left in the current `deadline_scope`, never negative; None when there is none."""
    due = _scope.get()
    return None if due is None else max(0.0, due.left())


def inbound_timeout(header: str | None) -> float | None:
    """Seconds, from the value of a request's `X-Request-Timeout-Ms`; None when it is missing or not a number."""
    text = (header or "").strip()
    # More than twelve digits is some other unit, or mischief.
    return int(text) / 1000 if text.isascii() and text.isdigit() and len(text) <= 12 else None


def due_of(request: httpx.Request) -> Due | None:
    """When this request's call is over; None without a deadline."""
    due: Due | None = request.extensions.get(_EXTENSION)
    return due


class Deadline(Policy):
    """Ends a call after `seconds`, retries and waits included. Raises DeadlineExceededError."""

    def __init__(
        self,
        inner: httpx.BaseTransport,
        *,
        seconds: float,
        name: str = "call",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._seconds, self._name, self._clock = seconds, name, clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        outer = due_of(request)
        due = _nearer(_nearer(outer, _scope.get()), Due(self._clock() + self._seconds, self._clock))
        request.extensions[_EXTENSION] = due
        try:
            require_time(request, self._name)
            return super().handle_request(request)
        except httpx.TimeoutException as exc:
            if due is None or due.left() > _ROUNDING:
                raise
            raise DeadlineExceededError(f"{self._name}: not done in time ({self._seconds:g} s at most)") from exc
        finally:
            request.extensions[_EXTENSION] = outer


@contextmanager
def due_within(request: httpx.Request, seconds: float, clock: Callable[[], float]) -> Iterator[None]:
    """Inside, this request's call is over in `seconds`, or at the end that it has, if that is nearer."""
    outer = due_of(request)
    request.extensions[_EXTENSION] = _nearer(outer, Due(clock() + seconds, clock))
    try:
        yield
    finally:
        request.extensions[_EXTENSION] = outer


def require_time(request: httpx.Request, name: str) -> None:
    """Raises DeadlineExceededError when the time of this call is used up."""
    due = due_of(request)
    if due is not None and due.left() <= 0:
        raise DeadlineExceededError(f"{name}: no time left to start")


def stamp_time_left(request: httpx.Request) -> None:
    """Tell the next service how long this attempt may take. Nothing without a deadline."""
    due = due_of(request)
    if due is not None:
        request.headers[REQUEST_TIMEOUT_HEADER] = str(max(1, int(due.left() * 1000)))


def _nearer(one: Due | None, other: Due | None) -> Due | None:
    if one is None or other is None:
        return one or other
    return one if one.left() <= other.left() else other
