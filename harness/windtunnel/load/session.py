"""One request to one service and its answer: sent exactly once, and an answer that ends early is noticed.

Most answers are plain: HTTP/1.1, a length, no encoding. They are read here, in a fraction of the time that a whole HTTP
client takes. All others (chunks, no length, encodings, whatever is odd) go to the parser of Locust's FastHttpUser, with
the bytes that came so far. For the engine's process only.
"""

from __future__ import annotations

import json as to_json
import re
from collections.abc import Callable, Mapping
from time import time
from typing import Final, NamedTuple, Protocol, cast
from urllib.parse import urlsplit

from gevent import Timeout, socket
from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketPoolResponse
from locust.contrib.fasthttp import FastResponse
from locust.exception import CatchResponseError

from windtunnel.load.client import Answer
from windtunnel.load.connections import Connections

BLOCK: Final = 16 * 1024
BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})
NO_BODY: Final = frozenset({204, 304})
NAME: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
"""Of a header, in lower case (RFC 9110, section 5.6.2)."""
ENDED_EARLY: Final = "the connection closed before the answer was complete"


class Exchange(Protocol):
    """Told when the first byte of a request may have left."""

    sent: bool


class Reply(NamedTuple):
    """What came back: all of it, or what there was when the `problem` came up."""

    status: int | None
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    problem: BaseException | None = None


class Session:
    """All requests of a run to one service. Holds no cookies, follows no redirects: an arrival is a new visitor."""

    def __init__(self, base_url: str, fire: Callable[..., object]) -> None:
        """`fire` is that of Locust's request event. Raises `BadInputError` for a URL that cannot be used."""
        self.connections = Connections(base_url)
        self._base_url, self._fire = base_url.rstrip("/"), fire
        self._prefix = urlsplit(self._base_url).path
        self._host = f"Host: {self.connections.netloc}"

    def exchange(
        self, method: str, path: str, json: object | None, headers: Mapping[str, str], told: Exchange
    ) -> Reply:
        """Send it and read the answer; trouble on the way is in the reply. ValueError: it cannot be written."""
        request = self._request(method, path, json, headers)
        sock = None
        try:
            sock = self.connections.get_socket()
            told.sent = True
            sock.sendall(request)
            # Never there yet: to wait is cheaper than to try first.
            sock._wait(sock._read_event)
            data = sock.recv(BLOCK)
            return self._plain_reply(sock, method, data) or self._any_reply(sock, method, data)
        except (Exception, Timeout) as problem:
            if sock is not None:
                self.connections.release_socket(sock)
            return Reply(None, {}, b"", problem)
        except BaseException:
            if sock is not None:
                self.connections.release_socket(sock)
            raise

    def tell_locust(self, method: str, route: str, took: float, answer: Answer, error: str | None) -> None:
        """Fire Locust's request event. Its statistics count from the due time too."""
        self._fire(
            request_type=method,
            name=route,
            response_time=took * 1000,
            response_length=len(answer.body),
            response=answer,
            context={},
            exception=None if error is None else CatchResponseError(error),
            start_time=time() - took,
            url=self._base_url,
        )

    def _request(self, method: str, path: str, json: object | None, headers: Mapping[str, str]) -> bytes:
        lines = [f"{method} {self._prefix}{path} HTTP/1.1", self._host]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        named = {name.lower() for name in headers}
        if "accept-encoding" not in named:
            # Inflating would cost processor time that the system under test needs.
            lines.append("Accept-Encoding: identity")
        body = b""
        if json is not None:
            body = to_json.dumps(json).encode()
            if "content-type" not in named:
                lines.append("Content-Type: application/json")
        if body or method in BODY_METHODS:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(lines)
        if head.count("\n") != len(lines) - 1 or lines[0].count(" ") != 2:
            raise ValueError(f"{lines[0]!r} and its headers must hold no line break, and the path no blank: quote it")
        return (head + "\r\n\r\n").encode("latin-1") + body

    def _plain_reply(self, sock: socket.socket, method: str, data: bytes) -> Reply | None:
        """The answer, if it is a plain one; None leaves all that was read so far to the other parser."""
        end = data.find(b"\r\n\r\n")
        if end < 0 or data[:9] != b"HTTP/1.1 " or method == "HEAD" or (head := plain_head(data[:end])) is None:
            return None
        status, headers, length = head
        body, left = data[end + 4 :], length - (len(data) - end - 4)
        if left < 0:
            return None
        if left:
            parts = [body]
            while left > 0:
                try:
                    more = sock.recv(min(left, BLOCK))
                except (OSError, Timeout) as problem:
                    self.connections.release_socket(sock)
                    return Reply(status, headers, b"", problem)
                if not more:
                    self.connections.release_socket(sock)
                    return Reply(status, headers, b"", HTTPConnectionClosed(ENDED_EARLY))
                parts.append(more)
                left -= len(more)
            body = b"".join(parts)
        if headers.get("connection", "").lower() == "close":
            self.connections.release_socket(sock)
        else:
            self.connections.return_socket(sock)
        return Reply(status, headers, body)

    def _any_reply(self, sock: socket.socket, method: str, data: bytes) -> Reply:
        if not data:
            raise HTTPConnectionClosed("the connection closed before the answer")
        # The response needs no more of a pool than to give the socket back to it.
        pool = cast("ConnectionPool", self.connections)
        response = FastResponse(WholeResponse(sock, pool, method=method, block_size=BLOCK, pre_buffered=data))
        headers = {name.lower(): value for name, value in (response.headers or {}).items()}
        try:
            return Reply(response.status_code, headers, response.content or b"")
        except (Exception, Timeout) as problem:
            return Reply(response.status_code, headers, b"", problem)


class WholeResponse(HTTPSocketPoolResponse):
    """An answer that is complete or an error."""

    def feed(self, data: str | bytes) -> None:
        """`data` is empty when the peer has closed: the end of a body without a length, an error in all others."""
        try:
            super().feed(data)
        except HTTPParseError as error:
            if data:
                raise
            raise HTTPConnectionClosed(ENDED_EARLY) from error
        if not data and not self.message_complete:
            raise HTTPConnectionClosed(ENDED_EARLY)


def plain_head(head: bytes) -> tuple[int, dict[str, str], int] | None:
    """Status, headers and length of the body; None where any of it is not of the plainest kind."""
    first, *lines = head.decode("latin-1").split("\r\n")
    code = first[9:12]
    if not (code.isdecimal() and code.isascii()) or first[12:13] not in ("", " ") or code[0] not in "2345":
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not NAME.fullmatch(name) or name in headers:
            return None
        headers[name] = value.strip(" \t")
    length = headers.get("content-length", "")
    odd = "transfer-encoding" in headers or headers.get("content-encoding", "identity") != "identity"
    if odd or int(code) in NO_BODY or not (length.isdecimal() and length.isascii()):
        return None
    return int(code), headers, int(length)
