"""The Flask application that every service is, with all that they share wired in one place."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from resilience import deadline_scope, inbound_timeout
from storefront.shared import health, log, problems
from storefront.shared.background import Loop
from storefront.shared.database import Database
from storefront.shared.metrics import Metrics
from storefront.shared.peers import Peer, probe_idle

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LARGEST_BODY = 64 * 1024


class ServiceApp(Flask):
    """An application with a life: its loops start when it begins to serve, and stop before its database closes."""

    def __init__(
        self,
        service: str,
        database: Database,
        *,
        peers: Mapping[str, Peer] = {},
        backlog: health.Backlog | None = None,
        details: bool = True,
    ) -> None:
        super().__init__(f"storefront.{service}", static_folder=None)
        self.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
        self.url_map.strict_slashes = False
        self.database = database
        self.loops: list[Loop] = []
        self.closers: list[Callable[[], None]] = [peer.close for peer in peers.values()]
        self.metrics = Metrics(peers)
        self.metrics.expose(self)
        problems.register(self, details=details)
        health.register(self, database, backlog)
        if peers:
            self.loops.append(Loop("probe", lambda: probe_idle(peers)))
        self.before_request(_begin)
        self.after_request(self._end)

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # Whoever called us waits only so long; the calls that we make in turn must not take longer.
        with deadline_scope(inbound_timeout(environ.get("HTTP_X_REQUEST_TIMEOUT_MS"))):
            return super().wsgi_app(environ, start_response)

    def start(self) -> None:
        """Begin the work that no request asks for."""
        for loop in self.loops:
            loop.start()

    def close(self) -> None:
        """Let go of everything, in the order that loses nothing."""
        for loop in self.loops:
            loop.stop()
        for close in self.closers:
            close()
        self.database.close()

    def _end(self, response: Response) -> Response:
        seconds = time.perf_counter() - g.began
        route = request.url_rule.rule if request.url_rule else "(none)"
        self.metrics.observe(request.method, route, response.status_code, seconds)
        response.headers["X-Request-Id"] = log.request_id.get()
        log.event(
            "request", method=request.method, route=route, status=response.status_code, ms=round(seconds * 1000, 1)
        )
        return response


def _begin() -> None:
    g.began = time.perf_counter()
    sent = request.headers.get("X-Request-Id", "")
    log.request_id.set(sent if _REQUEST_ID.fullmatch(sent) else log.new_request_id())
    # Always read to its end: a refusal that leaves a part unread would cost the client its connection, or the answer.
    request.get_data()
