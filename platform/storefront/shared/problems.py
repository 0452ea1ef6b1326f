"""Errors as the client sees them: problem documents (RFC 9457), one shape for every service and every status."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from flask import Flask, Response
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from resilience.inbound import MEDIA_TYPE, document
from storefront.shared import log

PREFIX = "urn:storefront:problem:"
"""Before the kind of a problem: its type."""


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it that
    """Raised anywhere in a request; answered as a problem document."""

    def __init__(
        self, status: int, kind: str, detail: str, *, retry_after: int | None = None, headers: Mapping[str, str] = {}
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.headers = dict(headers)
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)


class DependencyProblem(Problem):
    """Another service was needed and did not do its part: 503, and when to come again."""

    def __init__(
        self,
        peer: str,
        detail: str,
        *,
        kind: str = "dependency-unavailable",
        retry_after: int = 1,
        headers: Mapping[str, str] = {},
    ) -> None:
        super().__init__(503, kind, detail, retry_after=retry_after, headers=headers)
        self.peer = peer


def answer(problem: Problem) -> Response:
    """The problem document itself."""
    body = document(PREFIX, problem.status, problem.kind, problem.detail)
    return Response(body, problem.status, {**problem.headers, "Content-Type": MEDIA_TYPE})


def _bare() -> Response:
    return Response("Internal Server Error", 500, content_type="text/plain")


def register(app: Flask, *, details: bool = True) -> None:
    """Answer every error with a problem document. `details=False` makes what another one did not do a bare 500."""

    @app.errorhandler(Problem)
    def known(problem: Problem) -> Response:
        return _bare() if isinstance(problem, DependencyProblem) and not details else answer(problem)

    @app.errorhandler(HTTPException)
    def of_the_framework(error: HTTPException) -> Response:
        status = error.code or 500
        headers = {k: v for k, v in error.get_headers() if k == "Allow"}
        if status == 413:
            # What was not read stands in the way of the next request: the client must not send one here.
            headers["Connection"] = "close"
        # Not the phrase of HTTPStatus: it changes with Python's version, and a kind must not.
        kind = error.name.lower().replace(" ", "-")
        return answer(Problem(status, kind, error.description or "", headers=headers))

    @app.errorhandler(DBAPIError)
    @app.errorhandler(PoolTimeoutError)
    def no_database(error: Exception) -> Response:
        # Whatever kind of error it is that tells of a lost connection.
        lost = isinstance(error, OperationalError | PoolTimeoutError) or getattr(error, "connection_invalidated", False)
        if not lost:
            return unexpected(error)
        log.event("database unavailable", level=logging.ERROR, error=type(error).__name__)
        if not details:
            return _bare()
        return answer(Problem(503, "database-unavailable", "The service's own database does not answer", retry_after=1))

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.logger.error("unexpected error", exc_info=error)
        return answer(Problem(500, "internal-error", "An error of the service; it has been logged"))
