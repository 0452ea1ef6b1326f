"""Keeping a group of processes from writing to files: the nearest to a full disk that needs no disk of one's own.

setrlimit(2), RLIMIT_FSIZE: writing behind the limit fails with EFBIG. At 0 no write to a file succeeds, wherever the
file lies, the log too. A full disk says ENOSPC instead, and lets what is there be overwritten. SIGXFSZ comes with it:
who neither ignores nor handles it, as Python, Java and PostgreSQL do, is ended by it.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from contextlib import suppress

from windtunnel.undo.processes import Process

UNDERWAY = 0.05
"""Seconds that a write which was let in before may take to show in a file's time."""
WATCHED = 1.0
"""Seconds for which nothing must be written."""
LOOK = 0.05


class FileLimit:
    """Set when it is made. Only the soft limit is lowered, so that it can be raised again without privileges."""

    def __init__(self, processes: Callable[[], list[Process]]) -> None:
        """`processes`: those who are meant, the leader first; asked again each time, because workers come and go."""
        self._processes = processes
        leader = next(iter(processes()), None)
        self._before = resource.prlimit(leader.pid, resource.RLIMIT_FSIZE)[0] if leader else resource.RLIM_INFINITY
        self._set(0)

    def lift(self) -> None:
        """Give back what the leader had. Harmless for those who are gone."""
        self._set(self._before)

    def shown(self, last_written: Callable[[], float]) -> str:
        """The limits read back, and that nothing was written for a while; empty when somebody still can, or did."""
        pids = [process.pid for process in self._processes()]
        if not pids or any(_soft(pid) not in (0, None) for pid in pids):
            return ""
        time.sleep(UNDERWAY)
        before, end = last_written(), time.monotonic() + WATCHED
        while time.monotonic() < end:
            if last_written() != before:
                return ""
            time.sleep(LOOK)
        return (
            f"a file size limit of 0 read back for pids {', '.join(map(str, pids))}; nothing written for {WATCHED:g} s"
        )

    def _set(self, soft: int) -> None:
        for process in self._processes():
            with suppress(ProcessLookupError):
                hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1]
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (soft, hard))


def _soft(pid: int) -> int | None:
    """None when the process is gone."""
    with suppress(ProcessLookupError):
        return resource.prlimit(pid, resource.RLIMIT_FSIZE)[0]
    return None
