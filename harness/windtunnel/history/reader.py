"""Reads a stored history, strictly: what it cannot understand it refuses, with file and line."""

from __future__ import annotations

import json
from operator import attrgetter
from pathlib import Path

from windtunnel.errors import HistoryError
from windtunnel.history.codec import Line, ShapeError, parse_event, parse_header
from windtunnel.history.model import Call, Header, History, NoteEvent, Sample


def read_history(path: Path) -> History:
    """The whole history, samples in order of their due time, calls in that of their start.

    A last line that was cut off (the run was killed while it wrote) is left out, and an `error` note says so: nothing
    before it is lost, and the verdict is ERROR. Raises `HistoryError`, `file:line: what`, for anything else.
    """
    header, *parts = _parse(path)
    if not isinstance(header, Header):
        raise HistoryError(f"{path}:1: not a history")
    samples = [part for part in parts if isinstance(part, Sample)]
    calls = [part for part in parts if isinstance(part, Call)]
    events = [part for part in parts if not isinstance(part, Sample | Call | Header)]
    return History(
        header=header,
        events=tuple(events),
        samples=tuple(sorted(samples, key=attrgetter("due"))),
        calls=tuple(sorted(calls, key=attrgetter("start"))),
    )


def _parse(path: Path) -> list[Header | Line]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HistoryError(f"{path}: cannot be read: {error}") from error
    lines = text.splitlines()
    if not lines:
        raise HistoryError(f"{path}:1: empty; a history begins with its header")
    parts: list[Header | Line] = []
    for number, line in enumerate(lines, start=1):
        cut_off = number > 1 and number == len(lines) and not text.endswith("\n")
        try:
            plain = json.loads(line)
        except ValueError as error:
            if cut_off:
                parts.append(_cut_off(number, parts))
                break
            raise HistoryError(f"{path}:{number}: not JSON: {error}") from error
        try:
            parts.append(parse_event(plain) if number > 1 else parse_header(plain))
        except ShapeError as error:
            raise HistoryError(f"{path}:{number}: {error}") from error
    return parts


def _cut_off(number: int, parts: list[Header | Line]) -> NoteEvent:
    last = parts[-1]
    t = last.wall_anchor[0] if isinstance(last, Header) else last.end if isinstance(last, Sample | Call) else last.t
    return NoteEvent(t=t, what="error", text=f"the history breaks off in line {number}: the run was killed")
