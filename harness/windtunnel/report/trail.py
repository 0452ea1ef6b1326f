"""What the services wrote: the lines of one window, and the way of one request through all of them by its id."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Final

from windtunnel.history import History, Sample

STAMP: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")
"""A moment as most logs write it; one without an offset is taken as UTC."""
TROUBLE: Final = ("error", "exception", "traceback", "warn", "critical", "fatal", "timeout", "refused")
LOG_LINES: Final = 10
"""Lines of one service that a report shows at the most."""
ROUTINE: Final = 4
"""Lines of a service that had no trouble."""
LINE: Final = 180
"""Characters of one of them."""
KNOWN: Final = ("service", "trace_id")
"""Keys of a JSON line that say nothing new beside the others."""
MARGIN: Final = 1.0
"""Seconds of log before and after the fault that are shown with it."""
DISORDER: Final = 2.0
"""Seconds by which a line may stand behind a later one: threads overtake each other."""


def written_at(line: str) -> float | None:
    """Unix time of a log line; None when none can be read from it."""
    stamp = STAMP.search(line)
    if stamp is None:
        return None
    try:
        moment = datetime.fromisoformat(stamp.group().replace(",", ".", 1))
    except ValueError:  # 2026-99-99 is no day
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def around_fault(history: History, text: str) -> list[str]:
    """The lines of one log from a second before the injection to a second after the removal.

    A line without a time belongs to the line before it, as the lines of a traceback do.
    """
    span = history.fault_span()
    if span is None:
        return []
    monotonic, unix = history.header.wall_anchor
    start, end = (t - monotonic + unix for t in (span[0] - MARGIN, span[1] + MARGIN))
    lines = text.splitlines()
    # Only near the borders need each line be asked when it was written: a run has hundreds of thousands of them.
    numbers, when = range(len(lines)), partial(_time_of, lines)
    first, sure = (bisect_left(numbers, t, key=when) for t in (start - DISORDER, start + DISORDER))
    doubtful, last = (bisect_right(numbers, t, key=when) for t in (end - DISORDER, end + DISORDER))
    if doubtful < sure:
        return list(_between(lines, first, last, start, end))
    return [
        *_between(lines, first, sure, start, end),
        *lines[sure:doubtful],
        *_between(lines, doubtful, last, start, end),
    ]


def _between(lines: Sequence[str], first: int, last: int, start: float, end: float) -> Iterator[str]:
    """The lines of that time, among those from number `first` to before `last`."""
    at = _time_of(lines, first) if first < last else 0.0
    for line in lines[first:last]:
        at = written_at(line) or at
        if start <= at <= end:
            yield line


def excerpt(history: History, text: str) -> tuple[list[str], int]:
    """What a report shows of one log, and how many lines the fault's window has. Of many, those that speak of trouble;
    the whole log stays in the run's folder.
    """
    lines = around_fault(history, text)
    if len(lines) <= LOG_LINES:
        return [shown(line) for line in lines], len(lines)
    return [shown(line) for line in list(islice(troubled(lines), LOG_LINES)) or lines[:ROUTINE]], len(lines)


def shown(line: str) -> str:
    """The line, not longer than a reader wants it; one of JSON as `12:45:31.020 info request method=GET status=200`."""
    told = _told(line)
    return told if len(told) <= LINE else f"{told[:LINE]}…"


def _told(line: str) -> str:
    if not line.startswith("{"):
        return line
    try:
        keys = json.loads(line)
    except ValueError:  # cut off, or only looks like it
        return line
    stamp = STAMP.search(line)
    time = stamp.group()[11:23] if stamp else ""
    own = {"time", "timestamp", "ts", "level", "message", "msg", *KNOWN}
    rest = [f"{key}={value}" for key, value in keys.items() if key not in own and value is not None]
    said = [time, keys.get("level"), keys.get("message") or keys.get("msg"), *rest]
    return " ".join(str(part) for part in said if part)


def troubled(lines: Sequence[str]) -> Iterator[str]:
    """Those that speak of trouble."""
    # Plain searches: a pattern of alternatives takes three times as long, over hundreds of thousands of lines.
    text = "\n".join(lines).lower()
    words = [word for word in TROUBLE if word in text]
    return (line for line in lines if any(word in line.lower() for word in words)) if words else iter(())


def way_of(request_id: str, logs: Mapping[str, str]) -> list[tuple[str, str]]:
    """Service and line, in order of time, of everything that names this request."""
    if not request_id:
        return []
    named = re.compile(rf"(?<![\w-]){re.escape(request_id)}(?![\w-])")
    found = [
        (_time_of(lines, number), service, line)
        for service, text in logs.items() if request_id in text
        for lines in [text.splitlines()]
        for number, line in enumerate(lines)
        if request_id in line and named.search(line)
    ]  # fmt: skip
    return [(service, line) for _, service, line in sorted(found)]


def telling_requests(history: History) -> list[tuple[str, Sample]]:
    """The slowest request of the fault window, and the first one of it that was not answered ok."""
    span = history.fault_span()
    inside = [s for s in history.samples if span and span[0] <= s.due < span[1]]
    told = [("the slowest request", max(inside, key=lambda s: s.latency))] if inside else []
    failed = [("the first request that was not ok", s) for s in inside if s.outcome != "ok"][:1]
    return told + [(words, s) for words, s in failed if not told or s != told[0][1]]


def _time_of(lines: Sequence[str], number: int) -> float:
    """Its own, or that of the last line before it that has one."""
    return next((at for n in range(number, -1, -1) if (at := written_at(lines[n]))), float("-inf"))
