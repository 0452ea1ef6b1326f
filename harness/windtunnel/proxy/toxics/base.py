"""What a toxic is: it stands in one link (one direction of one connection) and decides what goes on, when.

    bytes read ─▸ data(chunk) ─▸ [ the toxic ] ─▸ outlet.send(chunk) ─▸ the next toxic, or the socket
      FIN read ─▸ eof()       ─▸ [           ] ─▸ outlet.end()

Calls come on the event loop's thread and must return at once: a toxic never waits, it sets an alarm. Each link has a
toxic object of its own, with the settings of the moment.

To write one: copy `noop.py`, give it a settings class whose fields are the attributes (int or float, default 0), and
add its line to the table in `__init__.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, Protocol, TypeVar

from windtunnel.proxy.alarm import Alarm, Clock, Loop

S = TypeVar("S")
N = TypeVar("N")
T = TypeVar("T")


class Outlet(Protocol):
    """What a toxic can do to its link. Nothing of it blocks."""

    @property
    def loop(self) -> Loop: ...

    @property
    def clock(self) -> Clock:
        """Seconds, monotonic."""

    def send(self, chunk: bytes) -> None:
        """Pass bytes on."""

    def end(self, *, close: bool = False) -> None:
        """Pass the end of the stream on. `close`: the whole connection ends with it, not only this direction."""

    def reset(self) -> None:
        """Cut the connection now, on both sides, with RST."""

    def touch(self) -> None:
        """Say that this toxic really acted on this link. Counted once."""

    def generator(self) -> Random:
        """Chance of this toxic on this link alone: the same in every run with the same seed."""

    def shared(self, make: Callable[[], T]) -> T:
        """What all links share on which this toxic acts; made by the first that asks."""


@dataclass(frozen=True, kw_only=True)
class NoSettings:
    """For a toxic without attributes."""


class Toxic(Generic[S]):
    """Passes everything on; every toxic overrides what it spoils."""

    Settings: type[Any] = NoSettings

    def __init__(self, settings: S, outlet: Outlet) -> None:
        self.settings = settings
        self.outlet = outlet

    @property
    def full(self) -> bool:
        """True while so much is held that the source must not be read."""
        return False

    def start(self) -> None:
        """It has come onto the link."""

    def data(self, chunk: bytes) -> None:
        """Bytes came in."""
        self.outlet.send(chunk)

    def eof(self) -> None:
        """The source has nothing more to say. Called at most once, after all data."""
        self.outlet.end()

    def update(self, settings: S) -> None:
        """The attributes changed. What is held now follows the new ones."""
        self.settings = settings

    def remove(self) -> None:
        """It is taken off an open link: pass on what is held, in order, now."""

    def stop(self) -> None:
        """The link is over: cancel alarms, drop what is held."""


class Delaying(Toxic[S], Generic[S, N]):
    """Holds what comes in, in order, until it is due. The base of every toxic that only costs time.

    Each item is a chunk (None: the end of the stream) and a note of the subclass's own, such as when it came.
    """

    def __init__(self, settings: S, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._alarm = Alarm(outlet.loop, outlet.clock, self._release)
        self._held: deque[tuple[bytes | None, N]] = deque()
        self.held_bytes = 0

    @property
    def idle(self) -> bool:
        """Nothing is held."""
        return not self._held

    def due(self, chunk: bytes | None, note: N) -> float:
        """When the item at the head may leave, in clock seconds."""
        raise NotImplementedError

    def portion(self, chunk: bytes) -> int:
        """How many bytes of the head leave together: at least 1."""
        return len(chunk)

    def leaves(self, due: float) -> None:
        """The head, which was due then, is about to leave."""

    def hold(self, chunk: bytes | None, note: N) -> None:
        """Put an item at the end. It leaves at once when nothing is before it and it is due already."""
        if not self._held and chunk is not None and self.portion(chunk) >= len(chunk):
            due = self.due(chunk, note)
            if due <= self.outlet.clock():
                self.leaves(due)
                self.outlet.send(chunk)
                return
        self._held.append((chunk, note))
        self.held_bytes += len(chunk or b"")
        if len(self._held) == 1:
            self._release()

    def update(self, settings: S) -> None:
        super().update(settings)
        self._release()

    def remove(self) -> None:
        while self._held:
            self._send(self._held.popleft()[0])
        self.stop()

    def stop(self) -> None:
        self._alarm.cancel()
        self._held.clear()
        self.held_bytes = 0

    def _release(self) -> None:
        while self._held:
            chunk, note = self._held[0]
            due = self.due(chunk, note)
            if due > self.outlet.clock():
                self.outlet.touch()
                self._alarm.set(due)
                return
            self.leaves(due)
            self._send(self._take_head())

    def _take_head(self) -> bytes | None:
        chunk, note = self._held.popleft()
        if chunk is not None and (portion := self.portion(chunk)) < len(chunk):
            self._held.appendleft((chunk[portion:], note))
            return chunk[:portion]
        return chunk

    def _send(self, chunk: bytes | None) -> None:
        if chunk is None:
            self.outlet.end()
        else:
            self.held_bytes -= len(chunk)
            self.outlet.send(chunk)
