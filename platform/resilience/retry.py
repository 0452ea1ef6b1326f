"""The retry: another attempt, where it can help and can do no harm.

It can do no harm when the method is idempotent (RFC 9110, 9.2.2), when the request carries an `Idempotency-Key`, or
when the failed attempt provably never reached the peer. It can help after a network error, a broken body, or a status
that says "later".
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from resilience.attempt import never_sent
from resilience.deadline import due_of
from resilience.errors import PolicyError, require_range, require_whole
from resilience.policy import Policy, in_memory
from resilience.retry_after import seconds_asked

Outcome = httpx.Response | httpx.TransportError

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_LATER = frozenset({429, 502, 503, 504})
_OUR_OWN_FAULT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


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


class Retry(Policy):
    """Tries again. What comes out in the end is the last real answer or error, as it was.

    Never waits or starts an attempt past the call's deadline. A policy's error (a breaker's rejection) is not retried;
    if an earlier attempt met a real failure, that one is reported.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        settings: RetrySettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(inner)
        self._settings, self._sleep, self._wall = settings, sleep, wall
        self._rng = rng or random.Random()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        last: Outcome | None = None
        attempt = 0
        while True:
            attempt += 1
            outcome = self._attempt(request)
            if isinstance(outcome, PolicyError):
                return _result(last or outcome)
            wait = self._wait(request, outcome, attempt)
            if wait is None:
                return _result(outcome)
            last = _released(outcome)
            self._sleep(wait)
            if not _fits(request, 0):  # it slept longer than it was told
                return _result(last)

    def _attempt(self, request: httpx.Request) -> Outcome:
        try:
            return self._inner.handle_request(request)
        except httpx.TransportError as exc:
            return exc

    def _wait(self, request: httpx.Request, outcome: Outcome, attempt: int) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        attempts = self._settings.attempts
        if (attempts is not None and attempt >= attempts) or not _helps(outcome) or not _harmless(request, outcome):
            return None
        asked = seconds_asked(outcome, self._wall) if isinstance(outcome, httpx.Response) else None
        if asked is not None and asked > self._settings.longest_wait:
            return None
        wait = (asked or 0.0) + self._jittered(attempt)
        return wait if _fits(request, wait) else None

    def _jittered(self, attempt: int) -> float:
        """Full jitter, also at the cap: callers that failed together do not come back together."""
        # The exponent is bounded because 2.0 ** 1024 is an error, not infinity.
        widest = min(self._settings.cap, self._settings.base * 2.0 ** min(attempt - 1, 100))
        return self._rng.uniform(0, widest)


def _helps(outcome: Outcome) -> bool:
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in _LATER
    return not isinstance(outcome, _OUR_OWN_FAULT)


def _harmless(request: httpx.Request, outcome: Outcome) -> bool:
    # A streamed body has been used up, or half of it.
    if not isinstance(request.stream, httpx.ByteStream):
        return False
    if request.method in _IDEMPOTENT or "Idempotency-Key" in request.headers:
        return True
    return isinstance(outcome, httpx.TransportError) and never_sent(outcome)


def _fits(request: httpx.Request, wait: float) -> bool:
    due = due_of(request)
    return due is None or due.left() > wait


def _released(outcome: Outcome) -> Outcome:
    """The failure without its connection, so that it can be shown later."""
    if isinstance(outcome, httpx.TransportError):
        return outcome
    try:
        return in_memory(outcome)
    except httpx.TransportError as exc:
        return exc


def _result(outcome: Outcome) -> httpx.Response:
    if isinstance(outcome, httpx.TransportError):
        raise outcome
    return outcome
