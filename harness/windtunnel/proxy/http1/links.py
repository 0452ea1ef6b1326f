"""Links that carry marks: empty chunks which say where in the stream a message begins and ends.

Toxics that act on bytes never see a mark, and know nothing of them: their stage takes each mark out, and puts it in
again when the bytes before it have come out.
"""

from __future__ import annotations

from collections import deque

from windtunnel.proxy.http1.exchange import Exchange, Mark
from windtunnel.proxy.installed import InstalledToxic
from windtunnel.proxy.link import Link, Stage
from windtunnel.proxy.toxics import HttpToxic

MOST_MARKS = 10_000
"""Waiting in one stage. More are waiting only behind a toxic that swallows what they stand behind."""


class MarkedStage(Stage):
    """One toxic's place in a marked link."""

    def __init__(self, link: MarkedLink, installed: InstalledToxic) -> None:
        self._marks: deque[tuple[int, Mark]] = deque(maxlen=MOST_MARKS)
        self._in = self._out = 0
        super().__init__(link, installed)
        self.reads_marks = installed.rule is not None

    def take(self, chunk: bytes) -> None:
        """Bytes, or a mark, have come to it."""
        if isinstance(chunk, Mark) and not self.reads_marks:
            self._marks.append((self._in, chunk))
            self._free()
        else:
            self._in += len(chunk)
            self.toxic.data(chunk)

    def send(self, chunk: bytes) -> None:
        self._out += len(chunk)
        super().send(chunk)
        if self._marks:
            self._free()

    def chose(self, exchange: Exchange) -> bool:
        """Whether this toxic's rule chose that request."""
        return self.installed in exchange.chosen

    def touch(self) -> None:
        if not self.reads_marks:  # else requests are counted, not links
            super().touch()

    def _free(self) -> None:
        while self._marks and self._marks[0][0] <= self._out:
            super().send(self._marks.popleft()[1])


class MarkedLink(Link):
    """One direction of a connection whose HTTP is followed."""

    @property
    def marked(self) -> bool:
        """Some toxic in it wants marks."""
        return any(isinstance(stage, MarkedStage) and stage.reads_marks for stage in self._stages)

    def caller_left(self) -> None:
        """The client has closed its side; a toxic that keeps it waiting need not."""
        for stage in tuple(self._stages):
            if isinstance(stage.toxic, HttpToxic):
                stage.toxic.caller_left()

    def pass_on(self, chunk: bytes) -> None:
        """Bytes, or a mark: of use only while toxics stand here."""
        if chunk or not self.direct:
            self.data(chunk)

    def stage(self, installed: InstalledToxic) -> Stage:
        return MarkedStage(self, installed)

    def _step(self, stage: Stage | None, chunk: bytes | None) -> None:
        if stage is None and isinstance(chunk, Mark):
            return  # for toxics only
        if isinstance(stage, MarkedStage) and chunk is not None and not stage.ended:
            stage.take(chunk)
        else:
            super()._step(stage, chunk)
