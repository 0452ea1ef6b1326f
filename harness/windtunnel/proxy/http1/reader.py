"""Where messages begin and end in one direction's bytes.

for offset, head in reader.feed(chunk):
    if head is not None: reader.body = ...      # the caller knows how this head's body is framed
    else: ...                                   # the message ends at offset
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

from windtunnel.proxy.http1.body import Body, BodyError, Empty
from windtunnel.proxy.http1.head import NOT_HTTP

MOST_HEAD = 64 * 1024
"""Bytes of a head; all that a reader ever keeps."""
_BLANK_LINE = b"\r\n\r\n"


# A plain tuple: an attribute's name would cost every message of every edge.
Event = tuple[int, bytes | None]
"""At this offset of the chunk a head was complete (all of it), or a message was (None)."""


class Reader:
    """Keeps no more than an incomplete head. Raises nothing: what it cannot read it says in `lost`."""

    def __init__(self, possible: Callable[[bytes], bool], *, skips_blank_lines: bool) -> None:
        """`possible` says whether a head can begin so. Blank lines are allowed before a request (RFC 9112, 2.2)."""
        self.body: Body = Empty()
        """Of the message at hand; the caller sets it at each head."""
        self.lost = ""
        """Why it stopped reading; empty while it reads."""
        self._possible, self._skips = possible, skips_blank_lines
        self._kept = bytearray()
        self._in_body = False

    @property
    def between(self) -> bool:
        """Nothing of a next message has come."""
        return not self._in_body and not self._kept

    def lose(self, reason: str) -> None:
        """Read no further."""
        self.lost = self.lost or reason
        self._kept.clear()

    def copy(self) -> Reader:
        """Another one in the same state."""
        twin = copy.copy(self)
        twin.body, twin._kept = copy.copy(self.body), bytearray(self._kept)
        return twin

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """What happens in this chunk, in order. Must be iterated to its end."""
        position = 0
        while not self.lost and (position < len(chunk) or (self._in_body and self.body.done)):
            if self._in_body:
                position = self._read_body(chunk, position)
                if not self.body.done:
                    return
                self._in_body = False
                yield position, None
            else:
                found = self._read_head(chunk, position)
                if found is None:
                    return
                position, self._in_body = found[0], True
                yield found

    @property
    def open_ended(self) -> bool:
        """The end of the stream would complete the message at hand."""
        return self._in_body and not self.lost and self.body.open_ended

    def _read_body(self, chunk: bytes, position: int) -> int:
        try:
            return self.body.take(chunk, position)
        except BodyError:
            self.lose("a malformed chunked body")
            return position

    def _read_head(self, chunk: bytes, position: int) -> Event | None:
        before = len(self._kept)
        if not before:
            while self._skips and chunk.startswith(b"\r\n", position):
                position += 2
            stop = chunk.find(_BLANK_LINE, position)
            if 0 <= stop <= position + MOST_HEAD - 4:
                return stop + 4, chunk[position : stop + 4]
        self._kept += chunk[position:]
        while self._skips and self._kept.startswith(b"\r\n"):
            del self._kept[:2]
            before -= 2
        stop = self._kept.find(_BLANK_LINE, max(before - 3, 0))
        if 0 <= stop <= MOST_HEAD - 4:
            head = bytes(self._kept[: stop + 4])
            self._kept.clear()
            return position + stop + 4 - before, head
        if self._kept and self._kept != b"\r" and not self._possible(bytes(self._kept)):
            self.lose(NOT_HTTP)
        elif len(self._kept) >= MOST_HEAD:
            self.lose("a head of more than 64 KiB")
        return None
