"""One request and its answer, as they are followed, and the marks that show toxics where they stand in a stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Literal

from windtunnel.edge_requests import Ending
from windtunnel.proxy.history import Story
from windtunnel.proxy.http1.body import Body, Empty

if TYPE_CHECKING:
    from windtunnel.proxy.installed import InstalledToxic

Part = Literal["head", "body", "end"]


@dataclass(slots=True, kw_only=True, eq=False)
class Exchange:
    """Times are clock seconds."""

    connection: int
    method: str
    path: str
    trace_id: str
    request_id: str
    start: float
    story: Story
    """Of its connection."""
    nth: int
    """Of its kind on this proxy, counted from 1."""
    status: int | None = None
    first_byte: float | None = None
    end: float | None = None
    ended: Ending = "no_answer"
    touched_by: list[str] = field(default_factory=list)
    chosen: dict[InstalledToxic, int] = field(default_factory=dict)
    """The toxics that act on it, each with the number of its decision."""
    due: bool = False
    """The proxy's own answer can be given as soon as it is its turn."""
    spoilt: bool = False
    """A toxic has cut its answer, so that its end is none."""
    answered_here: InstalledToxic | None = None
    closes: bool = False
    """The connection is to end after the proxy's own answer."""

    def touch(self, toxic: InstalledToxic) -> None:
        """The toxic really did something to it. Counted once."""
        if toxic.name not in self.touched_by:
            self.touched_by.append(toxic.name)
            toxic.touched.count += 1
            self.story.touch(toxic.name)

    def chance(self, toxic: InstalledToxic) -> Random:
        """Chance of this toxic for this request alone: the same in every run with the same seed."""
        return toxic.generator(self.chosen[toxic])


class Mark(bytes):
    """An empty chunk: from here on comes this part of this message. `end`: it is over."""

    exchange: Exchange
    part: Part
    body: Body

    @classmethod
    def of(cls, exchange: Exchange, part: Part, body: Body | None = None) -> Mark:
        """`body`: how the body is framed, in the state before its first byte."""
        mark = cls()
        mark.exchange, mark.part, mark.body = exchange, part, body or Empty()
        return mark
