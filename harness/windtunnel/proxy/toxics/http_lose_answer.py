"""http_lose_answer: the request is done, the answer never arrives. What a caller cannot know is the hardest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from windtunnel.proxy.toxics.base import Outlet
from windtunnel.proxy.toxics.http_base import HttpToxic
from windtunnel.proxy.toxics.http_settings import HttpSettings, attribute, word
from windtunnel.proxy.toxics.severance import Severance
from windtunnel.toxiproxy import Stream


@dataclass(frozen=True, kw_only=True)
class HttpLoseAnswerSettings(HttpSettings):
    then: str = attribute(word("reset", "hang"), "reset")
    """What the caller sees once the upstream has answered in full: a reset connection, or nothing, ever."""


class HttpLoseAnswer(HttpToxic[HttpLoseAnswerSettings]):
    """Swallows the answer, to its end, so that its effect has surely happened; then the connection is of no more use.

    A connection that hangs lasts until the caller closes its side. It is closed when the toxic is removed, because
    bytes are missing from it.
    """

    Settings = HttpLoseAnswerSettings
    streams: ClassVar[tuple[Stream, ...]] = ("downstream",)
    needs_upstream: ClassVar[bool] = True

    def __init__(self, settings: HttpLoseAnswerSettings, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._hangs = self._swallows = False
        self._severance = Severance(outlet)

    def data(self, chunk: bytes) -> None:
        if not self._hangs:
            super().data(chunk)

    def begin(self) -> None:
        self._swallows = True

    def head(self, chunk: bytes) -> None:
        """Swallowed."""

    def body(self, chunk: bytes) -> None:
        """Swallowed."""

    def finish(self) -> None:
        self.touch()
        self._hangs = True
        if self.settings.then == "reset":
            self._severance.begin()

    def eof(self) -> None:
        if not self._hangs:
            super().eof()

    def caller_left(self) -> None:
        if self._hangs:
            self.outlet.end(close=True)

    def remove(self) -> None:
        self._severance.hasten()
        if self._swallows:
            self.outlet.end(close=True)

    def stop(self) -> None:
        self._severance.cancel()
