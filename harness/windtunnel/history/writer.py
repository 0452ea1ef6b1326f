"""Writes a history while the experiment runs, and shows what it holds so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from windtunnel.errors import HistoryError
from windtunnel.history.codec import event_line, header_line, redacted
from windtunnel.history.model import Call, Event, Header, History, Sample


class HistoryWriter:
    """Appends to the file and to memory, from any thread. A context manager.

    Every call is flushed, so a run that is killed leaves a readable file. `redact` sees every text before it is kept
    anywhere: a secret reaches neither the file nor a snapshot. Raises `HistoryError` when the file cannot be made.
    """

    def __init__(self, path: Path, header: Header, *, redact: Callable[[str], str] = str) -> None:
        self.path = path
        self._redact, self._lock = redact, Lock()
        self._header = redacted(header, redact)
        self._events: list[Event] = []
        self._samples: list[Sample] = []
        self._calls: list[Call] = []
        self._view: History | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise HistoryError(f"{path}: cannot be written: {error.strerror}") from error
        try:
            self._write(header_line(self._header))
        except OSError as error:
            self._file.close()
            raise HistoryError(f"{path}: cannot be written: {error.strerror}") from error

    def append(self, event: Event) -> None:
        """Add one event. Raises `HistoryError` once closed."""
        clean = redacted(event, self._redact)
        with self._lock:
            self._write(event_line(clean))
            self._events.append(clean)

    def add_samples(self, samples: Iterable[Sample]) -> None:
        """Add what the load sent back, in whatever order it came. Raises `HistoryError` once closed."""
        clean = [redacted(sample, self._redact) for sample in samples]
        with self._lock:
            self._write("".join(map(event_line, clean)))
            self._samples.extend(clean)

    def add_calls(self, calls: Iterable[Call]) -> None:
        """Add what the edges' proxies recorded, in whatever order it came. Raises `HistoryError` once closed."""
        clean = [redacted(call, self._redact) for call in calls]
        with self._lock:
            self._write("".join(map(event_line, clean)))
            self._calls.extend(clean)

    def snapshot(self) -> History:
        """Everything so far, in order of due time or start. Costs nothing when nothing was added since."""
        with self._lock:
            if self._view is None:
                self._samples.sort(key=attrgetter("due"))  # nearly in order already, which timsort likes
                self._calls.sort(key=attrgetter("start"))
                self._view = History(
                    header=self._header,
                    events=tuple(self._events),
                    samples=tuple(self._samples),
                    calls=tuple(self._calls),
                )
            return self._view

    def close(self) -> None:
        """No more events. Can be called twice."""
        with self._lock:
            self._file.close()

    def _write(self, lines: str) -> None:
        if self._file.closed:
            raise HistoryError(f"{self.path}: the history is closed; nothing can be added to it")
        self._file.write(lines)
        self._file.flush()
        self._view = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
