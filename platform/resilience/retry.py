"""The retry: another attempt, where it can help and can do no harm.

It can do no harm when the method is idempotent (RFC 9110, 9.2.2), when the request carries an `Idempotency-Key`, or
when the failed attempt provably never reached the peer. It can help after a network error, a broken body, or a status
that says "later".
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import httpx

from resilience.attempt import never_sent
from resilience.backoff import Backoff, RetrySettings
from resilience.budget import Budget
from resilience.count import Count
from resilience.deadline import due_of
from resilience.errors import PolicyError
from resilience.events import Announcer, Listener
from resilience.policy import Policy, in_memory
from resilience.retry_after import seconds_asked

Outcome = httpx.Response | httpx.TransportError

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_LATER = frozenset({429, 502, 503, 504})
_OUR_OWN_FAULT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


class Retry(Policy):
    """Tries again. What comes out in the end is the last real answer or error, as it was.

    Never waits or starts an attempt past the call's deadline, or when the budget is used up. A policy's error (a
    breaker's rejection) is not retried; if an earlier attempt met a real failure, that one is reported.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        settings: RetrySettings,
        *,
        budget: Budget | None = None,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
        wall: Callable[[], float] = time.time,
        name: str = "call",
        events: Listener | None = None,
    ) -> None:
        super().__init__(inner)
        self._settings, self._sleep, self._wall = settings, sleep, wall
        self._backoff, self.budget = Backoff(settings, rng), budget
        self._retries, self._given_up = Count(), Count()
        self._announce = Announcer(name, "retry", events)

    @property
    def retries(self) -> int:
        """Attempts so far, beyond each call's first."""
        return self._retries.value

    @property
    def given_up(self) -> int:
        """Calls so far that ended with a failure of the kind that is tried again."""
        return self._given_up.value

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
            self._retries.add()

    def _attempt(self, request: httpx.Request) -> Outcome:
        try:
            return self._inner.handle_request(request)
        except httpx.TransportError as exc:
            return exc

    def _wait(self, request: httpx.Request, outcome: Outcome, attempt: int) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        if not _helps(outcome):
            if self.budget is not None:
                self.budget.succeeded()
            return None
        if self.budget is not None:
            self.budget.failed()
        wait = self._pause(request, outcome, attempt)
        if wait is not None and self.budget is not None and not self.budget.allows():
            self._announce("budget_exhausted", f"{self.budget.level:g} tokens left")
            wait = None
        if wait is None:
            self._given_up.add()
        return wait

    def _pause(self, request: httpx.Request, outcome: Outcome, attempt: int) -> float | None:
        """As `_wait`, for a failure that another attempt can help, whatever the budget says."""
        if self._backoff.last(attempt) or not _harmless(request, outcome):
            return None
        asked = seconds_asked(outcome, self._wall) if isinstance(outcome, httpx.Response) else None
        if asked is not None and asked > self._settings.longest_wait:
            return None
        wait = (asked or 0.0) + self._backoff.wait(attempt)
        return wait if _fits(request, wait) else None


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
