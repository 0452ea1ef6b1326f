"""Where a body ends, found without keeping it (RFC 9112, sections 6 and 7)."""

from __future__ import annotations

import re
from typing import ClassVar, Protocol

MOST_LINE = 4096
"""Bytes of one chunk-size line with its extensions."""
MOST_TRAILERS = 64 * 1024
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n\0]*)?\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n\0]*\r\n")

Ranges = list[tuple[int, int]]


class BodyError(Exception):
    """It cannot be told where this body ends."""


class Body(Protocol):
    """What is left of one body."""

    open_ended: ClassVar[bool]
    """It lasts until the connection ends."""

    @property
    def done(self) -> bool: ...

    def take(self, chunk: bytes, position: int, payload: Ranges | None = None) -> int:
        """Read on from `position`; where it stopped reading: at the body's end, or the chunk's.

        Ranges of what is content, not framing, are added to `payload`. Raises `BodyError`.
        """


class Empty:
    """No body."""

    open_ended: ClassVar[bool] = False
    done = True

    def take(self, chunk: bytes, position: int, payload: Ranges | None = None) -> int:
        return position


class Fixed:
    """So many bytes."""

    open_ended: ClassVar[bool] = False

    def __init__(self, length: int) -> None:
        self.left = length

    @property
    def done(self) -> bool:
        return self.left == 0

    def take(self, chunk: bytes, position: int, payload: Ranges | None = None) -> int:
        stop = min(position + self.left, len(chunk))
        self.left -= stop - position
        if payload is not None and stop > position:
            payload.append((position, stop))
        return stop


class UntilClose:
    """All that comes before the connection ends."""

    open_ended: ClassVar[bool] = True
    done = False

    def take(self, chunk: bytes, position: int, payload: Ranges | None = None) -> int:
        if payload is not None and len(chunk) > position:
            payload.append((position, len(chunk)))
        return len(chunk)


class Chunked:
    """Chunks, each after its size; a chunk of size 0; trailers; a blank line."""

    open_ended: ClassVar[bool] = False

    def __init__(self) -> None:
        self.done = False
        self._left = 0
        """Bytes of the chunk at hand."""
        self._line = b""
        """What has come of a line."""
        self._reads = "size"
        self._trailers = 0

    def take(self, chunk: bytes, position: int, payload: Ranges | None = None) -> int:
        while position < len(chunk) and not self.done:
            if self._reads == "data":
                position = self._take_data(chunk, position, payload)
            else:
                position = self._take_line(chunk, position)
        return position

    def _take_data(self, chunk: bytes, position: int, payload: Ranges | None) -> int:
        stop = min(position + self._left, len(chunk))
        self._left -= stop - position
        if payload is not None:
            payload.append((position, stop))
        if self._left == 0:
            self._reads = "end of data"
        return stop

    def _take_line(self, chunk: bytes, position: int) -> int:
        newline = chunk.find(b"\n", position)
        stop = len(chunk) if newline < 0 else newline + 1
        self._line += chunk[position:stop]
        limit = MOST_TRAILERS if self._reads == "trailers" else MOST_LINE
        if len(self._line) + self._trailers > limit or not self._line_possible():
            raise BodyError
        if newline >= 0:
            line, self._line = self._line, b""
            self._read(line)
        return stop

    def _line_possible(self) -> bool:
        """A broken body is told at its first wrong byte, wherever the stream was cut."""
        if self._reads == "end of data":
            return b"\r\n".startswith(self._line)
        return self._reads != "size" or self._line[:1] in b"0123456789abcdefABCDEF"

    def _read(self, line: bytes) -> None:
        if self._reads == "end of data":
            self._reads = "size"
        elif self._reads == "size":
            match = _SIZE.fullmatch(line)
            if match is None:
                raise BodyError
            self._left = int(match[1], 16)
            self._reads = "data" if self._left else "trailers"
        elif line == b"\r\n":
            self.done = True
        elif _TRAILER.fullmatch(line):
            self._trailers += len(line)
        else:
            raise BodyError
