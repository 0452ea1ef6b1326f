"""Problem documents (RFC 9457): one shape for every error, whoever refuses."""

from __future__ import annotations

import json
import math
from http import HTTPStatus

from resilience import trace
from resilience.inbound.gate import Refusal

MEDIA_TYPE = "application/problem+json"


def document(prefix: str, status: int, kind: str, detail: str) -> bytes:
    """The body. `prefix` and `kind` make its type, a URI."""
    return json.dumps(
        {
            "type": f"{prefix}{kind}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "request_id": trace.request_id.get(),
        }
    ).encode()


def headers(refusal: Refusal) -> list[tuple[str, str]]:
    """Of a refusal's answer; `Retry-After` is in whole seconds, rounded up."""
    found = [("Content-Type", MEDIA_TYPE), (trace.REQUEST_ID, trace.request_id.get())]
    if refusal.retry_after is not None:
        found.append(("Retry-After", str(max(1, math.ceil(refusal.retry_after)))))
    return found
