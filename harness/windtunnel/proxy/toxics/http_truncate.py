"""http_truncate: the body breaks off, and the connection with it."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.proxy.http1.body import Body, Fixed
from windtunnel.proxy.toxics.base import Outlet
from windtunnel.proxy.toxics.http_base import HttpToxic
from windtunnel.proxy.toxics.http_settings import HttpSettings, attribute, share, whole, word
from windtunnel.proxy.toxics.severance import Severance

MOST_MEASURED = 1024 * 1024
"""Bytes of a body without a Content-Length that are held to learn its length, for a fraction of it."""


@dataclass(frozen=True, kw_only=True)
class HttpTruncateSettings(HttpSettings):
    bytes: int = attribute(whole(0, 2**63 - 1), 0)
    """So many bytes of the body pass, as they are on the wire."""
    fraction: float = attribute(share, 0.0)
    """Or this share of it, from 0 up to, but not, 1."""
    then: str = attribute(word("close", "reset"), "close")

    def check(self) -> None:
        if self.bytes and self.fraction:
            raise ValueError("attributes: bytes and fraction exclude each other; give one, and the other as 0")


class HttpTruncate(HttpToxic[HttpTruncateSettings]):
    """Passes the head and the beginning of the body, then ends the connection on both sides.

    A body that is no longer than what may pass is not cut, and its request not touched.
    """

    Settings = HttpTruncateSettings

    def __init__(self, settings: HttpTruncateSettings, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._left: int | None = None
        """Bytes that may still pass; None while the length of the body is not known."""
        self._measured = bytearray()
        self._cut = False
        self._severance = Severance(outlet)

    def data(self, chunk: bytes) -> None:
        if not self._cut:
            super().data(chunk)

    def body_begins(self, body: Body) -> None:
        if not self.settings.fraction:
            self._left = self.settings.bytes
        elif isinstance(body, Fixed):
            self._left = int(body.left * self.settings.fraction)
        else:
            self._left = None

    def body(self, chunk: bytes) -> None:
        if self._left is None:
            self._measured += chunk
            if len(self._measured) >= MOST_MEASURED:
                self._cut_measured()
        else:
            self._pass(chunk, self._left)

    def finish(self) -> None:
        if self._measured:
            self._cut_measured()

    def eof(self) -> None:
        if self._measured:
            self._cut_measured()
        if not self._cut:
            super().eof()

    def remove(self) -> None:
        if self._measured:
            self.outlet.send(bytes(self._measured))
        self._severance.hasten()
        self.stop()

    def stop(self) -> None:
        self._measured.clear()
        self._severance.cancel()

    def _cut_measured(self) -> None:
        body = bytes(self._measured)
        self._measured.clear()
        self._pass(body, int(len(body) * self.settings.fraction))

    def _pass(self, chunk: bytes, most: int) -> None:
        self._left = most - len(chunk)
        if most:
            self.outlet.send(chunk[:most])
        if self._left < 0:
            assert self.exchange is not None
            self._cut = True
            self.exchange.spoilt = True
            self.touch()
            if self.settings.then == "reset":
                self._severance.begin()
            else:
                self.outlet.end(close=True)
