"""Cuts a stream where its messages begin and end, so that toxics can act on one message and not on the next.

A message's head is kept until it is complete; then it is decided what becomes of the message. Everything else goes on
at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from windtunnel.proxy.http1.body import Body
from windtunnel.proxy.http1.exchange import Exchange, Mark, Part
from windtunnel.proxy.http1.reader import Reader


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """What becomes of one message: it passes, marked for toxics where it belongs to an exchange, or it vanishes."""

    exchange: Exchange | None = None
    vanishes: bool = False
    body: Body | None = None


PASSES = Treatment()


class Decide(Protocol):
    def __call__(self, head: bytes, /, *, kept: bool) -> Treatment:
        """A head is complete: sets the reader's body, or loses it. `kept`: nothing of the message has passed yet."""


class Sieve:
    """One direction of one connection."""

    def __init__(self, reader: Reader, pass_on: Callable[[bytes], None], decide: Decide, end: Callable[[], None]):
        """`pass_on` gets bytes and marks; `end` is called when a message is over."""
        self._reader, self._pass_on, self._decide, self._end = reader, pass_on, decide, end
        self._head = bytearray()
        self._treatment: Treatment | None = None
        """Of the message at hand; None while its head is not complete."""

    @property
    def busy(self) -> bool:
        """It is within a message, or keeps something."""
        return self._treatment is not None or bool(self._head)

    def enter(self, reader: Reader) -> None:
        """Begin here. The rest of a message that was under way when the sieve was set up passes undecided."""
        self._reader = reader
        self._treatment = None if reader.between else PASSES
        self._head.clear()

    def feed(self, chunk: bytes) -> None:
        """Bytes came in."""
        position = 0
        for offset, head in self._reader.feed(chunk):
            if head is None:
                self._over(chunk[position:offset])
            else:
                self._begin(chunk[position:offset], head)
            position = offset
        rest = chunk[position:]
        if self._reader.lost:
            self.flush()
            self._pass_on(rest)
        elif self._treatment is None:
            self._head += rest
        elif not self._treatment.vanishes and rest:
            self._pass_on(rest)

    def flush(self) -> None:
        """What is kept of a head goes on: it will not be completed, or not be understood."""
        kept, self._head = bytes(self._head), bytearray()
        if kept:
            self._pass_on(kept)

    def end(self) -> None:
        """The message at hand ends with its stream."""
        self._over(b"")

    def _begin(self, piece: bytes, head: bytes) -> None:
        if self._treatment is PASSES:
            # The rest of a head that was under way when the sieve was set up.
            self._pass_on(piece)
            self._decide(head, kept=False)
            return
        treatment = self._treatment = self._decide(head, kept=True)
        whole, self._head = bytes(self._head) + piece, bytearray()
        if not treatment.vanishes:
            self._mark("head", treatment)
            self._pass_on(whole)
            self._mark("body", treatment)

    def _over(self, piece: bytes) -> None:
        treatment, self._treatment = self._treatment or PASSES, None
        if not treatment.vanishes:
            if piece:
                self._pass_on(piece)
            self._mark("end", treatment)
        self._end()

    def _mark(self, part: Part, treatment: Treatment) -> None:
        if treatment.exchange is not None:
            self._pass_on(Mark.of(treatment.exchange, part, treatment.body))
