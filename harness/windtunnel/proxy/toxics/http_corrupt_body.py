"""http_corrupt_body: bytes of the body are changed; its length and its framing are not."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from random import Random

from windtunnel.proxy.http1.body import Body, BodyError, Empty, Ranges
from windtunnel.proxy.toxics.base import Outlet
from windtunnel.proxy.toxics.http_base import HttpToxic
from windtunnel.proxy.toxics.http_settings import HttpSettings, attribute, whole


@dataclass(frozen=True, kw_only=True)
class HttpCorruptBodySettings(HttpSettings):
    every: int = attribute(whole(1, 2**31), 16)
    """The first byte is changed, and from there on one in so many, on the average."""


class HttpCorruptBody(HttpToxic[HttpCorruptBodySettings]):
    """Which bytes, and how, is a function of the seed and of the number of the decision: the same however the body
    was cut on its way. In a chunked body only the content is changed."""

    Settings = HttpCorruptBodySettings

    def __init__(self, settings: HttpCorruptBodySettings, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._body: Body = Empty()
        self._rng = Random(0)
        self._gap = 0
        """Bytes of content before the next one that is changed."""

    def body_begins(self, body: Body) -> None:
        # Another toxic may read the same body.
        self._body, self._rng, self._gap = copy(body), self.chance(), 0

    def body(self, chunk: bytes) -> None:
        ranges: Ranges = []
        try:
            self._body.take(chunk, 0, ranges)
        except BodyError:
            self._body = Empty()  # something before us has spoilt the framing already
        changed = bytearray(chunk)
        for start, stop in ranges:
            self._spoil(changed, start, stop)
        if changed != chunk:
            self.touch()
        self.outlet.send(bytes(changed))

    def _spoil(self, data: bytearray, start: int, stop: int) -> None:
        position = start + self._gap
        while position < stop:
            data[position] ^= self._rng.randrange(1, 256)
            position += 1 + self._rng.randrange(2 * self.settings.every - 1)
        self._gap = position - stop
