"""The fallback: something less, instead of nothing, where the caller can do with less, and knows that it is less."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from resilience.count import Count
from resilience.errors import SettingsError
from resilience.events import Announcer, Listener
from resilience.policy import Policy, mark_degraded

Failure = httpx.Response | httpx.TransportError
Answer = Callable[[httpx.Request, Failure], httpx.Response]
"""Makes an answer without the peer, from what was asked and how it failed. Must not call the same peer."""

_DOWN = frozenset({500, 502, 503, 504})
_OUR_OWN_FAULT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


@dataclass(frozen=True, kw_only=True)
class FallbackSettings:
    """What to answer, and to which requests. Raises SettingsError."""

    answer: Answer
    methods: tuple[str, ...] = ("GET", "HEAD")
    """Only these. An answer that was made up must not pretend that something was written."""

    def __post_init__(self) -> None:
        if not callable(self.answer):
            raise SettingsError(f"fallback.answer is {self.answer!r}; right is a function (request, failure) -> answer")
        if not self.methods or not all(method.isalpha() and method.isupper() for method in self.methods):
            raise SettingsError(f"fallback.methods is {self.methods!r}; right is names of methods, such as ('GET',)")


class Fallback(Policy):
    """Answers for a peer that is down: any `TransportError`, or a 500, 502, 503 or 504. A 4xx is the caller's own.

    What it answers is marked: `degraded(response)` says "fallback". If making the answer fails, the real failure
    comes out, and the fallback's is logged.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        settings: FallbackSettings,
        *,
        name: str = "call",
        events: Listener | None = None,
    ) -> None:
        super().__init__(inner)
        self._settings = settings
        self._used, self._broken = Count(), Count()
        self._announce = Announcer(name, "fallback", events)

    @property
    def used(self) -> int:
        """Answers made up so far."""
        return self._used.value

    @property
    def broken(self) -> int:
        """How often making one failed."""
        return self._broken.value

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method not in self._settings.methods:
            return self._inner.handle_request(request)
        try:
            response = self._inner.handle_request(request)
        except _OUR_OWN_FAULT:
            raise
        except httpx.TransportError as exc:
            instead = self._instead(request, exc)
            if instead is None:
                raise
            return instead
        if response.status_code not in _DOWN:
            return response
        instead = self._instead(request, response)
        if instead is None:
            return response
        response.close()
        return instead

    def _instead(self, request: httpx.Request, failure: Failure) -> httpx.Response | None:
        try:
            answer = self._settings.answer(request, failure)
        except Exception as exc:
            self._broken.add()
            self._announce("failed", repr(exc))
            return None
        self._used.add()
        self._announce("used", failure_in_words(failure))
        return mark_degraded(answer, "fallback")


def failure_in_words(failure: Failure) -> str:
    """For events."""
    return str(failure.status_code) if isinstance(failure, httpx.Response) else repr(failure)
