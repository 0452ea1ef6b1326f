"""http_status: the proxy answers in the upstream's place, and the upstream never sees the request."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from windtunnel.proxy.toxics.http_base import HttpToxic
from windtunnel.proxy.toxics.http_settings import HttpSettings, attribute, body_text, header_line, whole
from windtunnel.toxiproxy import Stream


@dataclass(frozen=True, kw_only=True)
class HttpStatusSettings(HttpSettings):
    status: int = attribute(whole(200, 599), 503)
    body: str = attribute(body_text, "")
    """Sent as UTF-8. Left out where HTTP allows none: for HEAD, and with status 204, 205 and 304."""
    content_type: str = attribute(header_line, "text/plain; charset=utf-8")
    retry_after: int = attribute(whole(0, 2**31), 0)
    """Seconds, as the header `Retry-After`; 0: no such header."""


class HttpStatus(HttpToxic[HttpStatusSettings]):
    """The request is read to its end, then answered in its turn; the connection is kept as the client wished.

    The answer enters the downstream where the upstream's would, so other toxics act on it too.
    """

    Settings = HttpStatusSettings
    streams: ClassVar[tuple[Stream, ...]] = ("downstream",)
    answers: ClassVar[bool] = True

    @classmethod
    def reply(cls, settings: HttpStatusSettings, method: str, *, closes: bool) -> bytes:
        body = b"" if settings.status in (204, 205, 304) else settings.body.encode("utf-8", "replace")
        lines = [f"HTTP/1.1 {settings.status} {_phrase(settings.status)}"]
        if settings.status not in (204, 304):
            lines.append(f"Content-Length: {len(body)}")
        if body:
            lines.append(f"Content-Type: {settings.content_type}")
        if settings.retry_after:
            lines.append(f"Retry-After: {settings.retry_after}")
        lines.append(f"Connection: {'close' if closes else 'keep-alive'}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if method == "HEAD" else body)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Injected"
