"""Keeping a group of processes from writing to files: the nearest to a full disk that needs no disk of one's own.

RLIMIT_FSIZE: writing behind the limit fails with EFBIG. At 0 no write to a file succeeds, wherever the file lies, the
log too. A full disk says ENOSPC instead, and lets what is there be overwritten. SIGXFSZ comes with it: who neither
ignores nor handles it, as Python, Java and PostgreSQL do, is ended by it.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

from windtunnel.stack.soft_limit import SoftLimit
from windtunnel.undo.processes import Process

UNDERWAY = 0.05
"""Seconds that a write which was let in before may take to show in a file's time."""
WATCHED = 1.0
"""Seconds for which nothing must be written."""
LOOK = 0.05


class FileLimit(SoftLimit):
    """Set when it is made."""

    def __init__(self, processes: Callable[[], list[Process]]) -> None:
        super().__init__(resource.RLIMIT_FSIZE, processes, lambda _: 0)

    def shown(self, last_written: Callable[[], float]) -> str:
        """The limits read back, and that nothing was written for a while; empty when somebody still can, or did."""
        limits = self.read_back()
        if not limits or any(limits.values()):
            return ""
        time.sleep(UNDERWAY)
        before, end = last_written(), time.monotonic() + WATCHED
        while time.monotonic() < end:
            if last_written() != before:
                return ""
            time.sleep(LOOK)
        whose = ", ".join(map(str, limits))
        return f"a file size limit of 0 read back for pids {whose}; nothing written for {WATCHED:g} s"
