"""The Flask application that every service is, with all that they share wired in one place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request
from werkzeug.exceptions import NotFound

from resilience import time_left, trace, tracing
from resilience.inbound import PASSED, DeadlineGate, Guard, Life, Refusal, gates
from storefront.shared import health, log, problems
from storefront.shared.background import Loop
from storefront.shared.base_settings import BaseSettings
from storefront.shared.database import Database
from storefront.shared.metrics import Metrics
from storefront.shared.once import Once
from storefront.shared.peers import Peer, probe_idle
from storefront.shared.problems import Problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_LARGEST_BODY = 64 * 1024


class ServiceApp(Flask):
    """An application with a life: its loops start when it begins to serve, and stop before its database closes."""

    def __init__(
        self,
        service: str,
        database: Database,
        settings: BaseSettings,
        *,
        peers: Mapping[str, Peer] = {},
        backlog: health.Backlog | None = None,
        details: bool = True,
    ) -> None:
        super().__init__(f"storefront.{service}", static_folder=None)
        self.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
        # One path for one thing, and no method that the service's document does not name: no redirect, no OPTIONS.
        self.url_map.merge_slashes = False
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        self.database = database
        self.loops: list[Loop] = []
        self.closers: list[Callable[[], None]] = [peer.close for peer in peers.values()]
        self.life = Life()
        self.gates = gates(settings.policies.inbound)
        self.metrics = Metrics(peers, self.gates)
        self.metrics.expose(self)
        problems.register(self, details=details)
        health.register(self, database, self.life, backlog)
        if peers:
            self.loops.append(Loop("probe", lambda: probe_idle(peers)))
        guard = Guard(
            super().wsgi_app,
            self.gates,
            life=self.life,
            problem_prefix=problems.PREFIX,
            on_refusal=self._refused,
        )
        self.tracing = tracing.start(service, os.environ)
        for peer in peers.values():
            peer.tracing = self.tracing
        self._door = self.tracing.around(guard)
        self._late = next((gate for gate in self.gates if isinstance(gate, DeadlineGate)), None)
        self.before_request(self._begin)
        self.after_request(self._end)

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._door(environ, start_response)

    def keep(self, once: Once) -> None:
        """Its keys expire, and its replays are counted."""
        self.loops.append(once.expiry)
        self.metrics.add("Answers given again", lambda: {"idempotent_replays": {"": once.store.replayed}})

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
        self.tracing.close()

    def _begin(self) -> None:
        g.began = time.perf_counter()
        if request.method in ("GET", "POST") and "\0" in request.path:
            raise NotFound  # nothing has such a name, and PostgreSQL cannot even compare with it
        if request.environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in request.environ:
            # To its end: a refusal that leaves a part unread would cost the client its connection, or the answer.
            request.get_data()
        if self._late is not None and time_left() == 0:
            self._late.late()
            raise Problem(PASSED.status, PASSED.kind, PASSED.detail)

    def _end(self, response: Response) -> Response:
        seconds = time.perf_counter() - g.began
        route = request.url_rule.rule if request.url_rule else "(none)"
        self.metrics.observe(request.method, route, response.status_code, seconds)
        response.headers[trace.REQUEST_ID] = trace.request_id.get()
        log.event(
            "request", method=request.method, route=route, status=response.status_code, ms=round(seconds * 1000, 1)
        )
        return response

    def _refused(self, environ: WSGIEnvironment, refusal: Refusal) -> None:
        self.metrics.observe(environ["REQUEST_METHOD"], "(refused)", refusal.status, 0.0)
        log.event("refused", status=refusal.status, reason=refusal.kind)
