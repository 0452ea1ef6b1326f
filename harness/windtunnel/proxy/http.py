"""HTTP/1.1 for the control port: requests with a Content-Length, keep-alive, strict limits, and nothing more.

Anything that is not that gets one error answer and the connection is closed. The handler is a coroutine, one at a time
per connection; connections do not wait for each other.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import cast
from urllib.parse import urlsplit

MOST_HEAD = 16 * 1024
"""Bytes of request line and headers."""
MOST_BODY = 1024 * 1024
READ_TIMEOUT = 15.0
"""Seconds to send one request in, from its first byte."""
IDLE_TIMEOUT = 60.0
"""Seconds that a connection may stay open unused."""
LINGER = 1.0
"""Seconds that a client may go on sending after it was refused."""

_REQUEST_LINE = re.compile(rb"([A-Z]{1,20}) ([\x21-\x7e]{1,8000}) HTTP/(\d)\.(\d)")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, kw_only=True)
class Request:
    """`path` and `query` are as sent; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    keep_alive: bool = True
    query: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Answer]]


class BadHttpError(Exception):
    """What arrived is not a request that is served here; `status` says why."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        self.status = status
        super().__init__(reason)


def parse_head(head: bytes) -> Request:
    """Request line and headers, without the blank line. Raises `BadHttpError`."""
    line, *header_lines = head.split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise BadHttpError(HTTPStatus.BAD_REQUEST, "malformed request line")
    method, target, major, minor = match.groups()
    if major != b"1":
        raise BadHttpError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 only")
    headers = parse_headers(header_lines)
    if minor != b"0" and "host" not in headers:
        raise BadHttpError(HTTPStatus.BAD_REQUEST, "missing required Host header")
    tokens = {token.strip().lower() for token in headers.get("connection", "").split(",")}
    keep_alive = "close" not in tokens and (minor != b"0" or "keep-alive" in tokens)
    query = target.decode().partition("#")[0].partition("?")[2]
    return Request(
        method=method.decode(), path=path_of(target.decode()), headers=headers, keep_alive=keep_alive, query=query
    )


def parse_headers(lines: list[bytes]) -> dict[str, str]:
    """Names in lower case; a repeated header is joined by commas. Raises `BadHttpError`."""
    headers: dict[str, str] = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise BadHttpError(HTTPStatus.BAD_REQUEST, "malformed header")
        name, value = match[1].decode().lower(), match[2].decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def path_of(target: str) -> str:
    """The path of a request target, still percent-encoded. Raises `BadHttpError`."""
    if not target.startswith("/"):
        try:
            target = urlsplit(target).path
        except ValueError:
            target = ""
    if not target.startswith("/"):
        raise BadHttpError(HTTPStatus.BAD_REQUEST, "malformed request target")
    path = target.partition("?")[0]
    if _BAD_ESCAPE.search(path):
        raise BadHttpError(HTTPStatus.BAD_REQUEST, "malformed request target: % without two hexadecimal digits")
    return path


def body_length(headers: dict[str, str]) -> int:
    """Bytes of the body. Raises `BadHttpError`: no guess is made where two readings are possible."""
    if "transfer-encoding" in headers:
        raise BadHttpError(HTTPStatus.NOT_IMPLEMENTED, "send a Content-Length instead of a Transfer-Encoding")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadHttpError(HTTPStatus.BAD_REQUEST, "malformed Content-Length")
    if len(length) > 12 or int(length) > MOST_BODY:
        raise BadHttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body over {MOST_BODY} bytes")
    return int(length)


def render(answer: Answer, *, keep_alive: bool, head_only: bool = False) -> bytes:
    """The answer as bytes."""
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    if answer.status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(answer.body)}")
    if answer.body:
        lines += [f"Content-Type: {answer.content_type}", "X-Content-Type-Options: nosniff"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if not keep_alive:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if head_only else answer.body)


class ControlConnection(asyncio.Protocol):
    """One client of the control port."""

    def __init__(self, handler: Handler, open_connections: set[ControlConnection]) -> None:
        self._handler, self._peers = handler, open_connections
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._request: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._writable = True
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not registered as such
        self._peers.add(self)
        self._expire_in(IDLE_TIMEOUT)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._peers.discard(self)
        # A call that has begun is finished all the same: half a change would be worse than an unread answer.
        self._expire_in(None)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if not self._buffer and self._request is None:
            self._expire_in(READ_TIMEOUT)
        self._buffer += data
        self._advance()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._advance()

    def close(self) -> None:
        """End it now."""
        if self._transport is not None:
            self._transport.abort()

    def _advance(self) -> None:
        """Serve the next request, if it is complete and its client reads the answers."""
        if self._transport is None or self._transport.is_closing() or self._refused:
            return
        if self._task is None and self._writable:
            try:
                request = self._take_request()
            except BadHttpError as error:
                self._refuse(error)
                return
            if request is not None:
                self._expire_in(None)
                self._task = self._loop.create_task(self._serve(request))
        if len(self._buffer) > MOST_HEAD + MOST_BODY:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _take_request(self) -> Request | None:
        if self._request is None:
            end = self._buffer.find(b"\r\n\r\n", 0, MOST_HEAD)
            if end < 0:
                self._refuse_early()
                return None
            self._request = parse_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            length = body_length(self._request.headers)
            if self._request.headers.get("expect", "").lower() == "100-continue" and len(self._buffer) < length:
                assert self._transport is not None
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = body_length(self._request.headers)
        if len(self._buffer) < length:
            return None
        head, self._request = self._request, None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return replace(head, body=body)

    def _refuse_early(self) -> None:
        """What can be told to be no request is refused before it is complete."""
        if len(self._buffer) >= MOST_HEAD:
            raise BadHttpError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"headers over {MOST_HEAD} bytes")
        if self._buffer and not self._buffer[:1].isalpha():
            raise BadHttpError(HTTPStatus.BAD_REQUEST, "not HTTP")

    async def _serve(self, request: Request) -> None:
        answer = await self._handler(request)
        self._task = None
        if self._transport is None:
            return
        head_only = request.method == "HEAD"
        self._transport.write(render(answer, keep_alive=request.keep_alive, head_only=head_only))
        if not request.keep_alive:
            self._transport.close()
            return
        self._expire_in(READ_TIMEOUT if self._buffer else IDLE_TIMEOUT)
        self._advance()

    def _refuse(self, error: BadHttpError) -> None:
        assert self._transport is not None
        answer = Answer(status=error.status, body=f"{error}\n".encode(), content_type="text/plain; charset=utf-8")
        self._transport.write(render(answer, keep_alive=False))
        # Closing while the client still sends would reset the connection, and the answer would be lost.
        self._transport.write_eof()
        self._refused = True
        self._expire_in(LINGER)

    def _expire_in(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self._loop.call_later(seconds, self.close)
