"""What is asked of every answer, and why. A check says what is wrong in one line, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from schemathesis import CheckContext, Response
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import Failure, FailureGroup

from windtunnel.fuzz.operations import Operation
from windtunnel.fuzz.shots import Answer, Shot

CONFORMANCE: Final = {
    "status_code_conformance": "an undocumented status is one that no client handles",
    "content_type_conformance": "a client chooses its parser by it",
    "response_headers_conformance": "Retry-After, Location, Allow are part of the promise",
    "response_schema_conformance": "fields that a client reads must be there, and of their type",
}
"""For every answer, whatever was asked."""
REJECTION: Final = {
    "negative_data_rejection": "what the document forbids must not be done; a 4xx, or a 503 under a fault, is right",
    "missing_required_header": "a header that is required must be asked for",
    "unsupported_method": "405 with Allow, so that a client can tell a wrong method from a wrong path",
}
"""For what Schemathesis made wrong on purpose; each passes where it does not apply."""
LEFT_OUT: Final = {
    "not_a_server_error": "ours knows which 5xx are documented, and never takes a 500",
    "max_response_time": "ours also covers the answer's body, and a hang",
    "positive_data_acceptance": "a document cannot say which ids exist: a 404 for a made-up one is right",
    "ignored_auth": "credentials that are missing, forged, expired or of algorithm none are in the table by hand",
}
"""Checks of Schemathesis that are not used, and why."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What holds for all answers of a run."""

    answer_within: float
    """Seconds."""


def problems(operation: Operation, shot: Shot, answer: Answer, limits: Limits) -> list[str]:
    """Everything that is wrong with an answer; empty when nothing is."""
    if answer.response is None:
        return [f"{answer.trouble}, within {answer.seconds:.1f} s; every request must be answered"]
    found = list(_in_time(answer, limits))
    if server_error := _server_error(operation, answer.response.status_code):
        return [*found, server_error]
    found += _expected(shot, answer)
    if shot.expects == "not allowed":  # what is not documented cannot conform
        return found
    return found + list(_conformance(shot, answer))


def _in_time(answer: Answer, limits: Limits) -> Iterator[str]:
    if answer.seconds > limits.answer_within:
        yield f"answered after {answer.seconds:.1f} s; the limit is {limits.answer_within:g} s"


def _server_error(operation: Operation, status: int) -> str:
    """A documented 503 is a promise kept; a 500 is none, even where it is documented."""
    if status == 500 or (status >= 500 and not operation.documents(status)):
        documented = ", ".join(str(s) for s in sorted(operation.statuses) if s >= 500) or "none"
        return f"answered {status}, a server error; documented: {documented}"
    return ""


def _expected(shot: Shot, answer: Answer) -> Iterator[str]:
    status = answer.status or 0
    if shot.statuses and status not in shot.statuses:
        yield f"answered {status}; expected: {', '.join(str(each) for each in sorted(shot.statuses))}"
    if shot.expects == "success" and not 200 <= status < 300:
        yield f"answered {status}; it must succeed (2xx)"
    if shot.expects == "refused" and not 400 <= status < 500:
        yield f"answered {status}; it must be refused (4xx)"
    if shot.expects == "unauthorized" and status not in (401, 403):
        yield f"answered {status}; these credentials must be refused (401)"
    if shot.expects == "not allowed" and answer.response is not None:
        if status != 405:
            yield f"answered {status}; a method that is not documented must be answered 405"
        elif "Allow" not in answer.response.headers:
            yield "answered 405 without Allow (RFC 9110, 15.5.6)"


def _conformance(shot: Shot, answer: Answer) -> Iterator[str]:
    wanted = dict(CONFORMANCE)
    if shot.kind in ("invalid", "boundary"):
        wanted |= REJECTION
    try:
        shot.case.validate_response(Response.from_any(answer.response), checks=[_check(name) for name in wanted])
    except FailureGroup as group:
        yield from (_words(failure) for failure in group.exceptions)


def _check(name: str) -> Callable[[CheckContext, Response, Any], bool | None]:
    load_all_checks()
    return cast("Callable[[CheckContext, Response, Any], bool | None]", CHECKS.get_one(name))


def _words(failure: object) -> str:
    if isinstance(failure, Failure):
        return " ".join(f"{failure.title}: {failure.message}".split())
    return str(failure)
