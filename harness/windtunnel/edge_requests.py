"""The edge record, request by request: what each call on one edge asked, was answered, when, and what was done to it.

Only our own proxy has it, and only where it was told that the edge speaks HTTP (`"http": true`). All times are seconds
of the monotonic clock of the machine that the proxy runs on; `Anchor` ties that to the time of day.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

FORMAT = "windtunnel-requests/1"
"""Of the API's answer. The number changes when a reader of the old form would read the new one wrongly."""
MOST_PAGES = 100
_IDENTIFIER = re.compile(r"/(?:\d+|[0-9a-fA-F]{8,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?=/|$)")

Ending = Literal["complete", "cut", "reset", "no_answer", "unread"]
"""`cut`: the connection closed within the answer. `reset`: it was reset before the answer was complete. `no_answer`: it
closed before one came. `unread`: the proxy could no longer tell where messages begin and end."""


@dataclass(frozen=True, kw_only=True)
class EdgeRequest:
    """One request as the caller saw it: times are when the proxy read from, or gave to, the caller's socket."""

    seq: int
    """Counted from 1 in the order in which requests ended; without gaps."""
    connection: int
    """The proxy's n-th connection."""
    method: str
    path: str
    """Without the query."""
    status: int | None
    """None when no answer's head was given to the caller."""
    start: float
    first_byte: float | None
    """Of the final answer."""
    end: float
    ended: Ending
    nth: int
    """Of its kind: the same method, and the same path but for segments that look like identifiers."""
    trace_id: str
    """Of `traceparent`; empty when there was none."""
    request_id: str
    """`x-request-id`, `request-id` or `x-correlation-id`; empty when there was none."""
    touched_by: tuple[str, ...]
    """Names of the HTTP toxics that acted on it, in that order."""

    @property
    def seconds(self) -> float:
        """From the first byte of the request to the last of the answer."""
        return self.end - self.start


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """The same moment on two clocks: seconds, monotonic and of the Unix epoch."""

    monotonic: float
    wall: float


@dataclass(frozen=True, kw_only=True)
class EdgeRequests:
    """Requests that have ended, oldest first."""

    requests: tuple[EdgeRequest, ...]
    next: int
    """What to ask for `since` the next time."""
    missed: int
    """Requests after `since` that the proxy had already forgotten: it keeps the last 10 000."""
    dropped: int
    """Requests forgotten in all."""
    open: int
    """Requests that have not ended yet."""
    unread: Mapping[str, int]
    """Connections that could not be followed to their end, by reason."""
    anchor: Anchor


def kind_of_path(path: str) -> str:
    """The path with `{id}` for every segment that looks like an identifier: requests of one kind share it."""
    return _IDENTIFIER.sub("/{id}", path)


def read_pages(ask: Callable[[int], Mapping[str, Any]], since: int) -> EdgeRequests:
    """All pages as one; `ask(since)` is an answer of the API. Raises KeyError, TypeError, ValueError when it is none.

    At most 101 pages, so that it ends however fast requests come in; `next` says where it did.
    """
    pages = [body := _known(ask(since))]
    while body["more"] and len(pages) <= MOST_PAGES:
        body = _known(ask(body["next"]))
        pages.append(body)
    return EdgeRequests(
        requests=tuple(_request(item) for page in pages for item in page["requests"]),
        next=body["next"],
        missed=sum(page["missed"] for page in pages),
        dropped=body["dropped"],
        open=body["open"],
        unread=dict(body["unread"]),
        anchor=Anchor(**body["anchor"]),
    )


def _known(body: Mapping[str, Any]) -> Mapping[str, Any]:
    if body["format"] != FORMAT:
        raise ValueError(f"the record is in the format {body['format']!r}, not {FORMAT!r}")
    return body


def _request(item: Mapping[str, Any]) -> EdgeRequest:
    given = {each.name: item[each.name] for each in fields(EdgeRequest)}
    return EdgeRequest(**{**given, "touched_by": tuple(item["touched_by"])})
