"""One direction of one connection, and the toxics that stand in it.

                      stage 1          stage 2
    source ─ data ─▸ [ toxic ] ─send─▸ [ toxic ] ─send─▸ sink (a transport)
           ◂ pause ───────────── full ────────── blocked ┘

With no stage, data goes from the source's socket to the sink's in one call: no queue, no copy, no task. What a stage
sends is put on a short work list instead of being called through, so that a long chain cannot exhaust the stack.
The source is paused while the sink's buffer, or any toxic, is full.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Protocol, TypeVar

from windtunnel.proxy.alarm import Clock
from windtunnel.proxy.history import Flow, Story
from windtunnel.proxy.installed import InstalledToxic
from windtunnel.proxy.record import Tally

T = TypeVar("T")
MOST_PENDING = 64 * 1024
"""Bytes kept for a sink that is not there yet."""


class Owner(Protocol):
    """What a link needs from its connection."""

    def throttle(self, link: Link) -> None:
        """`link.paused` has changed."""

    def link_ended(self, link: Link) -> None:
        """Everything was given to the sink; the end of the stream is next."""

    def reset(self) -> None:
        """Cut the connection with RST."""

    @property
    def story(self) -> Story:
        """What is noted of this connection."""


class Sink(Protocol):
    """Where a link ends: a transport, or what stands for it."""

    def write(self, data: bytes, /) -> None: ...

    def is_closing(self) -> bool: ...


class Stage:
    """One toxic's place in a link; the toxic's `Outlet`."""

    def __init__(self, link: Link, installed: InstalledToxic) -> None:
        self.loop: AbstractEventLoop = link.loop
        self.clock: Clock = link.clock
        self.installed = installed
        self.next: Stage | None = None
        self.ended = False
        self._link = link
        self._tally: Tally | None = installed.touched
        self.toxic = installed.on_link(self)

    def send(self, chunk: bytes) -> None:
        if not self.ended:
            self._link.relay(self.next, chunk)

    def end(self, *, close: bool = False) -> None:
        if not self.ended:
            self.ended = True
            if close:
                self._link.closing = True
                self._link.owner.story.because(f"toxic {self.installed.name}")
            self._link.work(self.next, None)

    def reset(self) -> None:
        self._link.owner.story.because(f"toxic {self.installed.name}")
        self._link.owner.reset()

    def touch(self) -> None:
        if self._tally is not None:
            self._tally.count += 1
            self._tally = None
            self._link.owner.story.touch(self.installed.name)

    def generator(self) -> Random:
        return self.installed.generator(self._link.ordinal)

    def shared(self, make: Callable[[], T]) -> T:
        return self.installed.shared(make)


class Link:
    """Bytes one way. Made before the sink is there; `attach` gives it one."""

    def __init__(self, *, ordinal: int, owner: Owner, loop: AbstractEventLoop, clock: Clock, flow: Flow) -> None:
        self.ordinal, self.owner, self.loop, self.clock = ordinal, owner, loop, clock
        self.paused = False
        """The source should not be read now."""
        self.ended = False
        """The end of the stream has come out."""
        self.closing = False
        """The end of this stream is the end of the connection."""
        self.broken = False
        """The source did not close, it was reset: the sink's peer is to see that too."""
        self._flow = flow
        self._stages: list[Stage] = []
        self._first: Stage | None = None
        self._work: deque[tuple[Stage | None, bytes | None]] = deque()
        self._working = self._blocked = self._source_ended = self._stopped = False
        self._sink: Sink | None = None
        self._pending: list[bytes] = []

    def data(self, chunk: bytes) -> None:
        """The source said something."""
        self._flow.received += len(chunk)
        if self._first is not None:
            self.work(self._first, chunk)
        elif self._sink is None or self._stopped or self.ended or self._sink.is_closing():
            self._deliver(chunk)
        else:
            # The wire itself, on the shortest way.
            self._sink.write(chunk)
            self._flow.sent += len(chunk)

    def eof(self) -> None:
        """The source will say nothing more. Harmless when repeated."""
        if not self._source_ended:
            self._source_ended = True
            self.work(self._first, None)

    def attach(self, sink: Sink) -> None:
        """The sink is there: it gets what was kept for it."""
        self._sink = sink
        for chunk in self._pending:
            sink.write(chunk)
            self._flow.sent += len(chunk)
        self._pending.clear()
        self.throttle()
        if self.ended:
            self.owner.link_ended(self)

    def block(self, blocked: bool) -> None:
        """The sink's buffer is full, or no longer."""
        self._blocked = blocked
        self.throttle()

    def install(self, installed: InstalledToxic) -> None:
        """Put the toxic into its place, if it acts on this connection."""
        if self._stopped or self.ended:
            return
        acts = installed.acts_on(self.ordinal)
        self.owner.story.decide(installed.name, acts)
        if not acts:
            return
        stage = self.stage(installed)
        self._stages.append(stage)
        self._stages.sort(key=lambda each: each.installed.order)
        self._rejoin()
        stage.toxic.start()

    def stage(self, installed: InstalledToxic) -> Stage:
        """A place for it."""
        return Stage(self, installed)

    @property
    def direct(self) -> bool:
        """No toxic stands in it: what comes in goes out in the same call."""
        return self._first is None

    def refresh(self, installed: InstalledToxic) -> None:
        """The toxic's settings or its toxicity have changed."""
        stage = self._stage_of(installed)
        if stage is None:
            self.install(installed)
        elif installed.acts_on(self.ordinal):
            stage.toxic.update(installed.settings)
            self.throttle()
        else:
            self.uninstall(installed)

    def uninstall(self, installed: InstalledToxic) -> None:
        """Take the toxic out; what it held goes on."""
        stage = self._stage_of(installed)
        if stage is None:
            return
        stage.toxic.remove()
        if stage in self._stages:
            self._stages.remove(stage)
            self._rejoin()
            self.throttle()

    def stop(self) -> None:
        """Nothing more will pass: alarms are cancelled, what is held is dropped."""
        self._stopped = True
        for stage in self._stages:
            stage.ended = True
            stage.toxic.stop()
        self._stages.clear()
        self._work.clear()
        self._pending.clear()
        self._first = None

    def relay(self, stage: Stage | None, chunk: bytes) -> None:
        """`work` for what a stage sends; the last one's, when nothing is before it, goes out in the same call."""
        if stage is None and self._working and not self._work:
            self._step(None, chunk)
        else:
            self.work(stage, chunk)

    def work(self, stage: Stage | None, chunk: bytes | None) -> None:
        """Hand a chunk (None: the end) to a stage (None: the sink), after what is on its way already."""
        if self._working:
            self._work.append((stage, chunk))
            return
        self._working = True
        try:
            self._step(stage, chunk)
            while self._work:
                self._step(*self._work.popleft())
        finally:
            self._working = False
        self.throttle()

    def throttle(self) -> None:
        """Tell the owner when the source is to be paused, or read again."""
        if self._stopped:
            return
        paused = self._blocked
        if self._sink is None:
            paused |= sum(map(len, self._pending)) >= MOST_PENDING
        for stage in self._stages:
            paused |= stage.toxic.full
        if paused != self.paused:
            self.paused = paused
            self.owner.throttle(self)

    def _step(self, stage: Stage | None, chunk: bytes | None) -> None:
        if stage is None:
            if chunk is None:
                self._deliver_end()
            else:
                self._deliver(chunk)
        elif stage.ended:
            return
        elif chunk is None:
            stage.toxic.eof()
        else:
            stage.toxic.data(chunk)

    def _deliver(self, chunk: bytes) -> None:
        if self._stopped or self.ended:
            return
        if self._sink is None:
            self._pending.append(chunk)
            self.throttle()
        elif not self._sink.is_closing():
            self._sink.write(chunk)
            self._flow.sent += len(chunk)

    def _deliver_end(self) -> None:
        if self._stopped or self.ended:
            return
        self.ended = True
        if self._sink is not None or self.broken:
            self.owner.link_ended(self)

    def _stage_of(self, installed: InstalledToxic) -> Stage | None:
        return next((stage for stage in self._stages if stage.installed is installed), None)

    def _rejoin(self) -> None:
        following: Stage | None = None
        for stage in reversed(self._stages):
            stage.next = following
            following = stage
        self._first = following
