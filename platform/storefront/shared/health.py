"""Three questions to a service: are you alive, can you take requests, have you come to rest?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from resilience.inbound import Life
from storefront.shared.database import Database
from storefront.shared.problems import Problem

Backlog = Callable[[], Mapping[str, object]]
"""What is still to be done, by name; empty when there is nothing."""


def register(app: Flask, database: Database, life: Life, backlog: Backlog | None = None) -> None:
    """`/health/live`, `/health/ready` and, where there can be a backlog, `/health/quiet`.

    None of them asks another service: a peer that is down must not make this one look down.
    """

    @app.get("/health/live")
    def live() -> Response:
        return jsonify(status="live")

    @app.get("/health/ready")
    def ready() -> Response:
        if life.draining:
            raise Problem(503, "draining", "The service is going; come to another instance", retry_after=1)
        try:
            database.ping()
        except SQLAlchemyError:
            raise Problem(
                503, "database-unavailable", "The service's own database does not answer", retry_after=1
            ) from None
        return jsonify(status="ready")

    if backlog is None:
        return

    @app.get("/health/quiet")
    def quiet() -> tuple[Response, int, dict[str, str]]:
        waiting = dict(backlog())
        body = jsonify(quiet=not waiting, waiting_for=waiting)
        return (body, 503, {"Retry-After": "1"}) if waiting else (body, 200, {})
