"""One attempt, and what is known afterwards: whether the request may have reached the peer.

"Definitely not charged" and "unknown" are different answers to a customer. A call of several attempts may have reached
the peer if any of them may have, whatever the last one's error says; so the record is kept with the request.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from resilience.deadline import due_within, require_time, stamp_time_left
from resilience.errors import PolicyError, RejectedError
from resilience.policy import Policy, in_memory

_SENT = "resilience.may_have_been_sent"
_ATTEMPTS = "resilience.attempts"

# Raised before the first byte of the request is written, by httpx's own account of its phases.
_BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    RejectedError,
)


class Attempt(Policy):
    """The last thing before the wire: stamps the time left, counts, notes what may have been sent, reads the body.

    With `seconds`, this attempt ends after them although the call has more: a hung instance leaves time for another
    one. What comes out then is the wire's own timeout, which the retry knows. Raises DeadlineExceededError, without
    sending, when no time is left.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        *,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._seconds, self._clock = seconds, clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        require_time(request, "attempt")
        if self._seconds is None:
            return self._sent(request)
        with due_within(request, self._seconds, self._clock):
            return self._sent(request)

    def _sent(self, request: httpx.Request) -> httpx.Response:
        stamp_time_left(request)
        request.extensions[_ATTEMPTS] = attempts_made(request) + 1
        try:
            response = in_memory(self._inner.handle_request(request))
        except BaseException as exc:
            if not isinstance(exc, _BEFORE_SENDING):
                request.extensions[_SENT] = True
            raise
        request.extensions[_SENT] = True
        return response


def may_have_been_sent(request: httpx.Request) -> bool:
    """Whether any attempt of this request may have reached the peer. False is certain, True means possible."""
    return bool(request.extensions.get(_SENT, False))


def attempts_made(request: httpx.Request) -> int:
    """How many attempts went down to the wire. A breaker's rejection is none."""
    return int(request.extensions.get(_ATTEMPTS, 0))


def never_sent(exc: BaseException) -> bool:
    """Whether this error proves that the request never reached the peer.

    An error that a client raised knows its request, so all attempts of the call count. Without one its kind decides.
    """
    request = _request_of(exc)
    if request is not None and may_have_been_sent(request):
        return False
    return isinstance(exc, _BEFORE_SENDING) or (request is not None and isinstance(exc, PolicyError))


def _request_of(exc: BaseException) -> httpx.Request | None:
    try:
        return exc.request if isinstance(exc, httpx.RequestError) else None
    except RuntimeError:  # httpx's way to say that it has none
        return None
