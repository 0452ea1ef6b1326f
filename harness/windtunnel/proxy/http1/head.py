"""Heads of requests and answers: only what framing, matching and recording need.

Strict on purpose. Two readings of one message are how requests are smuggled; where there could be two, there is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from windtunnel.proxy.http1.body import Body, Chunked, Empty, Fixed, UntilClose

LONGEST_PATH = 1024
"""Characters of a path that are recorded."""
LONGEST_ID = 128
NOT_HTTP = "not HTTP/1"
_TCHAR = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_REQUEST_LINE = re.compile(rb"(" + _TCHAR + rb"{1,64}) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])")
_ANSWER_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n\0]*)?")
_FIELD = re.compile(rb"(" + _TCHAR + rb"++):[ \t]*+([^\r\n\0]*)")
_PARTIAL_REQUEST = re.compile(_TCHAR + rb"{1,64}(?: [\x21-\x7e\x80-\xff]*(?: [HTP/1.0\r]*)?)?")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
_REQUEST_IDS = (b"x-request-id", b"request-id", b"x-correlation-id")
_FRAMING = (b"content-length", b"transfer-encoding")
_NOTABLE = frozenset((*_FRAMING, b"connection", b"expect", b"user-agent", b"traceparent", *_REQUEST_IDS))
_MOST_REMEMBERED = 4096
"""Bytes of a head whose lines are looked up before they are read: most are the same in each request of a client."""
Notable = dict[bytes, list[bytes]]


class UnreadableError(Exception):
    """The stream cannot be followed any further; the text is one of a few fixed reasons."""


# Not frozen: that costs a call per field, for every request of every edge.
@dataclass(kw_only=True, eq=False)
class RequestHead:
    """`fields` are all headers as sent, without the first line."""

    method: str
    path: str
    """Without the query, which may hold secrets. At most 1024 characters."""
    trace_id: str
    request_id: str
    user_agent: str
    closes: bool
    """The connection is to end after the answer."""
    expects: bool
    """The client waits for `100 Continue` before it sends the body."""
    tunnels: bool
    body: Body
    fields: bytes

    @cached_property
    def headers(self) -> dict[str, list[str]]:
        """All headers, names in lower case."""
        headers: dict[str, list[str]] = {}
        for line in self.fields.split(b"\r\n")[:-2]:
            name, value = _field(line)
            headers.setdefault(name.decode(), []).append(value.decode("latin-1"))
        return headers


@dataclass(slots=True, kw_only=True, eq=False)
class AnswerHead:
    status: int
    body: Body

    @property
    def interim(self) -> bool:
        """Another answer follows (100 Continue, 103 Early Hints)."""
        return self.status < 200 and self.status != 101


def request_head(head: bytes) -> RequestHead:
    """The head of a request, with its final blank line. Raises `UnreadableError`."""
    first, _, fields = head.partition(b"\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise UnreadableError(NOT_HTTP)
    notable = _notable(fields)
    connection = _tokens(notable[b"connection"]) if b"connection" in notable else ()
    old = line[3] == b"0"
    return RequestHead(
        method=line[1].decode(),
        path=_path(line[2]),
        trace_id=_trace_id(notable),
        request_id=_first(notable, *_REQUEST_IDS),
        user_agent=_first(notable, b"user-agent"),
        closes=b"close" in connection or (old and b"keep-alive" not in connection),
        expects=b"expect" in notable,
        tunnels=line[1] == b"CONNECT",
        body=_framing(notable, old) or Empty(),
        fields=fields,
    )


def answer_head(head: bytes, method: str) -> AnswerHead:
    """The head of an answer to a request of that method. Raises `UnreadableError`."""
    first, _, fields = head.partition(b"\r\n")
    line = _ANSWER_LINE.fullmatch(first)
    if line is None:
        raise UnreadableError(NOT_HTTP)
    framing = _framing(_notable(fields), line[1] == b"0")
    status = int(line[2])
    if status < 200 or status in (204, 304) or method == "HEAD":
        framing = Empty()
    return AnswerHead(status=status, body=framing or UntilClose())


def request_possible(begin: bytes) -> bool:
    """Whether a request can begin so: what is none must not be waited for."""
    line, newline, _ = begin.partition(b"\n")
    if newline:
        return _REQUEST_LINE.fullmatch(line[:-1]) is not None and line.endswith(b"\r")
    return _PARTIAL_REQUEST.fullmatch(line) is not None


def answer_possible(begin: bytes) -> bool:
    """Whether an answer can begin so."""
    return begin[:7] == b"HTTP/1."[: len(begin)]


def _notable(fields: bytes) -> Notable:
    notable: Notable = {}
    read = _remembered if len(fields) <= _MOST_REMEMBERED else _notable_field
    for line in fields.split(b"\r\n")[:-2]:
        field = read(line)
        if field is not None:
            notable.setdefault(field[0], []).append(field[1])
    return notable


def _notable_field(line: bytes) -> tuple[bytes, bytes] | None:
    field = _field(line)
    return field if field[0] in _NOTABLE else None


_remembered = lru_cache(1024)(_notable_field)


def _field(line: bytes) -> tuple[bytes, bytes]:
    """Name in lower case, and value."""
    match = _FIELD.fullmatch(line)
    if match is None:
        raise UnreadableError("malformed headers")
    return match[1].lower(), match[2].rstrip(b" \t")


def _framing(notable: Notable, old: bool) -> Body | None:
    """How the body ends, None when the headers do not say (RFC 9112, section 6.3)."""
    codings, lengths = notable.get(b"transfer-encoding"), notable.get(b"content-length")
    if codings:
        if lengths:
            raise UnreadableError("both Content-Length and Transfer-Encoding")
        if old or len(codings) > 1 or codings[0].lower() != b"chunked":
            raise UnreadableError("a Transfer-Encoding other than chunked")
        return Chunked()
    if lengths:
        if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > 15:
            raise UnreadableError("a Content-Length that is not one number")
        return Fixed(int(lengths[0]))
    return None


def _tokens(values: list[bytes]) -> set[bytes]:
    return {token.strip().lower() for value in values for token in value.split(b",")}


def _path(target: bytes) -> str:
    if not target.startswith(b"/") and b"://" in target:
        slash = target.find(b"/", target.index(b"://") + 3)
        target = target[slash:] if slash >= 0 else b"/"
    path = target.partition(b"?")[0].partition(b"#")[0]
    return path[:LONGEST_PATH].decode("utf-8", "replace")


def _trace_id(notable: Notable) -> str:
    """The trace-id of a `traceparent` header (W3C Trace Context)."""
    match = _TRACEPARENT.fullmatch(_first(notable, b"traceparent"))
    return match[1] if match else ""


def _first(notable: Notable, *names: bytes) -> str:
    """The first value of the first of these that is there."""
    for name in names:
        if name in notable:
            return notable[name][0][:LONGEST_ID].decode("latin-1")
    return ""
