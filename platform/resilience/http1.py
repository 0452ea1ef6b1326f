"""HTTP/1.1 on a connection (RFC 9112): a request becomes bytes, bytes become an answer. No sockets, no time here.

It is strict where a mistake would go unnoticed: an answer that ends early, or whose length cannot be made out, is a
RemoteProtocolError, never a shorter answer. A general library parses incrementally, both sides, event by event; here
one whole answer is read in one go, which takes a fraction of the time. A test compares it with h11.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import httpx

LARGEST_HEAD = 64 * 1024
"""Bytes of a status line with its header fields."""

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([^\x00\r\n]*))?")
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_NAME = re.compile(_TOKEN)
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([^\x00\r\n]*?)[ \t]*")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_LINE_END = re.compile(rb"\r\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?")

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer."""

    status: int
    reason: bytes
    version: bytes
    headers: Headers
    body: bytes
    reusable: bool
    """Whether the connection can serve another request."""


def request_head(method: bytes, target: bytes, headers: Headers) -> bytes:
    """The first bytes of a request. Raises LocalProtocolError for what would not arrive as it was meant."""
    lines = [b"%b %b HTTP/1.1" % (method, target)]
    for name, value in headers:
        if not _is_token(name):
            raise httpx.LocalProtocolError(f"{name!r} is no header name")
        lines.append(b"%b: %b" % (name, value))
    head = b"\r\n".join(lines)
    # One more line end or control character than we put there ourselves would be somebody's injected header.
    ends = len(lines) - 1
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\x00" in head:
        raise httpx.LocalProtocolError("a header value holds a line end or a NUL")
    if not _is_token(method) or b" " in target:
        raise httpx.LocalProtocolError(f"{method!r} {target!r} is no request line")
    return head + b"\r\n\r\n"


def request_body(headers: httpx.Headers, stream: Iterator[bytes]) -> Iterator[bytes]:
    """The parts of the body as they go out. Raises LocalProtocolError when its length is not what was announced."""
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        for part in stream:
            if part:
                yield b"%x\r\n%b\r\n" % (len(part), part)
        yield b"0\r\n\r\n"
        return
    length = headers.get("Content-Length", "0")
    if not (length.isascii() and length.isdigit()):
        raise httpx.LocalProtocolError(f"Content-Length {length!r} is no length")
    announced = int(length)
    for part in stream:
        announced -= len(part)
        if announced < 0:
            raise httpx.LocalProtocolError("the body is longer than its Content-Length")
        yield part
    if announced:
        raise httpx.LocalProtocolError("the body is shorter than its Content-Length")


class AnswerReader:
    """Reads one answer. `receive` returns the next bytes, b"" at the connection's end; what it raises comes out."""

    def __init__(self, receive: Callable[[], bytes], *, largest_body: int) -> None:
        self._receive, self._largest = receive, largest_body
        self._data = bytearray()
        """What has come and was not used yet."""

    def read(self, method: str) -> Answer:
        """Raises RemoteProtocolError for anything that is no answer, or no whole one."""
        while True:
            version, status, reason, headers = self._head()
            if status >= 200:
                break
            if status == 101:
                raise httpx.RemoteProtocolError("the peer changed the protocol, which nobody asked for")
        fields = _framing(headers)
        closes = version == b"0" or b"close" in fields.get(b"connection", b"").lower()
        coding, length = fields.get(b"transfer-encoding"), _length(fields.get(b"content-length"))
        if coding is not None and coding.lower() != b"chunked":
            raise httpx.RemoteProtocolError(f"Transfer-Encoding {coding!r} is not understood")
        if method == "HEAD" or status in (204, 304):
            body = b""
        elif coding is not None:
            # Both lengths at once is how one answer is smuggled into another: believe one, and trust nothing after it.
            body, closes = self._chunks(), closes or length is not None
        elif length is not None:
            self._bound(length)
            body = self._exactly(length)
        else:
            body, closes = self._to_the_end(), True
        reusable = not closes and not self._data
        return Answer(status, reason, b"HTTP/1." + version, headers, body, reusable)

    def _head(self) -> tuple[bytes, int, bytes, Headers]:
        head = self._until(_HEAD_END)
        first, _, rest = head.partition(b"\n")
        line = _STATUS.fullmatch(first.removesuffix(b"\r"))
        if line is None:
            raise httpx.RemoteProtocolError(f"{first[:80]!r} is no status line")
        if b"\n " in rest or b"\n\t" in rest:
            rest = _FOLD.sub(b" ", rest)
        headers = []
        for text in rest.split(b"\n") if rest else ():
            field = _FIELD.fullmatch(text.removesuffix(b"\r"))
            if field is None:
                raise httpx.RemoteProtocolError(f"{text[:80]!r} is no header field")
            headers.append((field[1], field[2]))
        return line[1], int(line[2]), line[3] or b"", headers

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        size, total = -1, 0
        while size:
            line = _CHUNK.fullmatch(self._line())
            if line is None:
                raise httpx.RemoteProtocolError("a chunk has no size")
            size = int(line[1], 16)
            total += size
            self._bound(total)
            if size:
                parts.append(self._exactly(size))
                if self._exactly(2) != b"\r\n":
                    raise httpx.RemoteProtocolError("a chunk is longer than its size")
        self._trailers()
        return b"".join(parts)

    def _trailers(self) -> None:
        """Fields after the body, which nobody reads; but what is none means that we have lost our place."""
        total = 0
        while line := self._line():
            total += len(line)
            if _FIELD.fullmatch(line) is None or total > LARGEST_HEAD:
                raise httpx.RemoteProtocolError(f"{line[:80]!r} is no trailer field, or one too many")

    def _line(self) -> bytes:
        return self._until(_LINE_END)

    def _until(self, end: re.Pattern[bytes]) -> bytes:
        """The bytes before the end, which is used up as well."""
        data, start = self._data, 0
        while (found := end.search(data, start)) is None:
            if len(data) > LARGEST_HEAD:
                raise httpx.RemoteProtocolError(f"a head of more than {LARGEST_HEAD} bytes")
            start = max(0, len(data) - 3)  # the end may lie across two parts
            self._more()
        before, used = bytes(data[: found.start()]), found.end()
        del found, data[:used]
        return before

    def _exactly(self, size: int) -> bytes:
        data = self._data
        while len(data) < size:
            self._more()
        part = bytes(data[:size])
        del data[:size]
        return part

    def _to_the_end(self) -> bytes:
        """An answer without a length, which ends with its connection. A cut one cannot be told from a whole one."""
        data = self._data
        while part := self._receive():
            data += part
            self._bound(len(data))
        body = bytes(data)
        data.clear()
        return body

    def _bound(self, size: int) -> None:
        if size > self._largest:
            raise httpx.RemoteProtocolError(f"a body of more than {self._largest} bytes")

    def _more(self) -> None:
        part = self._receive()
        if not part:
            raise httpx.RemoteProtocolError("the peer closed the connection before the answer was complete")
        self._data += part


def _framing(headers: Headers) -> dict[bytes, bytes]:
    """The fields that say how long the answer is, and whether the connection stays; repeated ones in a list."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        key = name.lower()
        if key in (b"content-length", b"transfer-encoding", b"connection"):
            found[key] = found[key] + b", " + value if key in found else value
    return found


def _length(text: bytes | None) -> int | None:
    if text is None:
        return None
    # A length may be repeated, if it is always the same (RFC 9110, 8.6).
    sizes = {part.strip() for part in text.split(b",")}
    size = sizes.pop()
    if sizes or not size.isdigit() or len(size) > 18:
        raise httpx.RemoteProtocolError(f"Content-Length {text[:80]!r} is no length")
    return int(size)


@lru_cache(maxsize=1024)
def _is_token(name: bytes) -> bool:
    return _NAME.fullmatch(name) is not None
