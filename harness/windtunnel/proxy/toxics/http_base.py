"""What a toxic on HTTP requests is: a toxic that is told where messages begin and end, and which are meant for it.

    begin() ─▸ head(bytes)... ─▸ body_begins(how it is framed) ─▸ body(bytes)... ─▸ finish()

Only for messages that its rule chose; everything else passes it by. On a stream whose HTTP is not followed it is told
nothing, and everything passes.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar, cast

from windtunnel.proxy.http1.body import Body
from windtunnel.proxy.http1.exchange import Exchange, Mark, Part
from windtunnel.proxy.toxics.base import Outlet, Toxic
from windtunnel.proxy.toxics.http_settings import HttpSettings
from windtunnel.toxiproxy import Stream

if TYPE_CHECKING:
    from windtunnel.proxy.installed import InstalledToxic

H = TypeVar("H", bound=HttpSettings)


class HttpOutlet(Outlet, Protocol):
    """The place in a link whose HTTP is followed."""

    installed: InstalledToxic

    def chose(self, exchange: Exchange) -> bool:
        """Whether the rule of this toxic chose that request."""


class HttpToxic(Toxic[H], Generic[H]):
    """Passes everything on; every toxic overrides what it spoils.

    `touched` counts requests on which it really acted. Its chance is drawn for each request, not for each connection.
    """

    Settings = HttpSettings
    streams: ClassVar[tuple[Stream, ...]] = ("upstream", "downstream")
    """Where it can stand: on requests, on answers."""
    answers: ClassVar[bool] = False
    """It answers in the upstream's place; then `reply` says what."""
    needs_upstream: ClassVar[bool] = False
    """It makes sense only where the upstream got the request."""

    def __init__(self, settings: H, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self.exchange: Exchange | None = None
        """The message at hand is part of it; None while that is no concern of this toxic."""
        self._part: Part = "end"

    @classmethod
    def reply(cls, settings: H, method: str, *, closes: bool) -> bytes:
        """The whole answer to a request of that method."""
        raise NotImplementedError

    def data(self, chunk: bytes) -> None:
        if isinstance(chunk, Mark):
            self._turn(chunk)
        elif self.exchange is None:
            self.outlet.send(chunk)
        elif self._part == "head":
            self.head(chunk)
        else:
            self.body(chunk)

    def begin(self) -> None:
        """A message that is meant for it begins."""

    def head(self, chunk: bytes) -> None:
        """A piece of its head."""
        self.outlet.send(chunk)

    def body_begins(self, body: Body) -> None:
        """The head is complete, and the body will be framed so."""

    def body(self, chunk: bytes) -> None:
        """A piece of its body, framing included."""
        self.outlet.send(chunk)

    def finish(self) -> None:
        """The message is complete."""

    def caller_left(self) -> None:
        """The client has closed its side of the connection."""

    def touch(self) -> None:
        """It really acts on the request at hand."""
        assert self.exchange is not None
        self.exchange.touch(cast(HttpOutlet, self.outlet).installed)

    def chance(self) -> Random:
        """Chance for the request at hand alone."""
        assert self.exchange is not None
        return self.exchange.chance(cast(HttpOutlet, self.outlet).installed)

    def pass_on(self, mark: Mark) -> None:
        """The mark goes on, for the toxics behind."""
        self.outlet.send(mark)

    def _turn(self, mark: Mark) -> None:
        self._part = mark.part
        if mark.part == "head":
            mine = cast(HttpOutlet, self.outlet).chose(mark.exchange)
            self.exchange = mark.exchange if mine else None
            if mine:
                self.begin()
        elif self.exchange is not None and mark.part == "body":
            self.body_begins(mark.body)
        elif self.exchange is not None:
            self.finish()
            self.exchange = None
        self.pass_on(mark)
