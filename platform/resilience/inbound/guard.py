"""The door: a WSGI application around the real one, which asks each gate before anything is done.

Outside of the framework on purpose: what is refused under load must cost next to nothing, and a request that is not let
in must not reach anything that could fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from resilience import trace
from resilience.deadline import deadline_scope, inbound_timeout
from resilience.inbound.gate import Arrival, Gate, Refusal, Turnstile
from resilience.inbound.life import Life
from resilience.inbound.problem import document, headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_CARRIED = (
    ("HTTP_X_REQUEST_ID", trace.REQUEST_ID),
    ("HTTP_TRACEPARENT", trace.TRACEPARENT),
    ("HTTP_TRACESTATE", trace.TRACESTATE),
)
_NEVER_REFUSED = ("/health/", "/metrics")
"""Whoever asks how the service is must hear it most of all when there is too much to do."""


class Guard:
    """Runs the gates in their order. The answer is held in memory until it is whole, so that `leave` means over."""

    def __init__(
        self,
        inner: WSGIApplication,
        gates: Sequence[Gate],
        *,
        life: Life,
        problem_prefix: str,
        on_refusal: Callable[[WSGIEnvironment, Refusal], None] = lambda environ, refusal: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner, self._life = inner, life
        self._gates = [(gate, gate if hasattr(gate, "leave") else None) for gate in gates]
        self._problem_prefix, self._on_refusal, self._clock = problem_prefix, on_refusal, clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        trace.receive({name: environ[key] for key, name in _CARRIED if key in environ})
        if self._life.draining:
            start_response = _closing(start_response)
        if environ.get("PATH_INFO", "").startswith(_NEVER_REFUSED):
            return self._answer(environ, start_response)
        arrival = Arrival(
            client=environ.get("REMOTE_ADDR", ""),
            at=self._clock(),
            timeout=inbound_timeout(environ.get("HTTP_X_REQUEST_TIMEOUT_MS")),
        )
        return self._pass(arrival, environ, start_response)

    def _pass(self, arrival: Arrival, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        entered: list[Turnstile] = []
        try:
            for gate, turnstile in self._gates:
                refusal = gate.enter(arrival)
                if refusal is not None:
                    return self._refuse(refusal, environ, start_response)
                if turnstile is not None:
                    entered.append(turnstile)  # type: ignore[arg-type]
            with deadline_scope(None if arrival.due is None else arrival.due.left()):
                return self._answer(environ, start_response)
        finally:
            for passed in reversed(entered):
                passed.leave(arrival, self._clock())

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        answer = self._inner(environ, start_response)
        try:
            return list(answer)
        finally:
            if close := getattr(answer, "close", None):
                close()

    def _refuse(self, refusal: Refusal, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        # Read to its end: a refusal that leaves a part of the request unread would cost the client its connection.
        environ["wsgi.input"].read(_LARGEST_UNREAD)
        self._on_refusal(environ, refusal)
        body = document(self._problem_prefix, refusal.status, refusal.kind, refusal.detail)
        start_response(
            f"{refusal.status} {HTTPStatus(refusal.status).phrase}",
            [*headers(refusal), ("Content-Length", str(len(body)))],
        )
        return [body]


_LARGEST_UNREAD = 64 * 1024


def _closing(start_response: StartResponse) -> StartResponse:
    """The next request of this client must not come here."""

    def start(status: str, fields: list[tuple[str, str]], *error: Any) -> Any:
        return start_response(status, [*fields, ("Connection", "close")], *error)

    return start
