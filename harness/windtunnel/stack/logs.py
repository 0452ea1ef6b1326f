"""What services write, by the time at which they wrote it: each into a file, whose length is noted as time passes."""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Callable
from pathlib import Path

TICK = 0.1
"""Seconds between two looks at the lengths; `lines(since)` may begin that much too early, never too late."""
LONGEST_LINE = 65_536


class ServiceLog:
    """The log file of one service, over all its restarts."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path, self._clock = path, clock
        self.path.touch()
        self._times, self._offsets = [clock()], [0]

    def note(self) -> None:
        """Remember how long the file is now."""
        now, size = self._clock(), self.path.stat().st_size
        if size != self._offsets[-1]:
            self._times.append(now)
            self._offsets.append(size)

    def lines(self, since: float = 0.0) -> list[str]:
        """All whole or unfinished lines that were ended, or begun, since that moment."""
        noted = bisect.bisect_right(self._times, since) - 1
        return self._read(self._offsets[noted] if noted >= 0 else 0)

    def tail(self, count: int) -> list[str]:
        """The last lines."""
        return self._read(max(0, self.path.stat().st_size - LONGEST_LINE))[-count:]

    def _read(self, offset: int) -> list[str]:
        begin = max(0, offset - LONGEST_LINE)
        with self.path.open("rb") as file:
            file.seek(begin)
            content = file.read()
        # The offset may lie within a line: go back to where that line began.
        start = content.rfind(b"\n", 0, offset - begin) + 1
        return content[start:].decode(errors="replace").splitlines()


class LogTicker:
    """Notes the lengths of many logs from a thread, until it is closed."""

    def __init__(self, logs: tuple[ServiceLog, ...]) -> None:
        self._logs, self._closed = logs, threading.Event()
        self._thread = threading.Thread(target=self._tick, name="windtunnel-logs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Returns when no file is looked at any more. Can be called twice."""
        self._closed.set()
        self._thread.join()

    def _tick(self) -> None:
        while not self._closed.wait(TICK):
            for log in self._logs:
                log.note()
