"""A limit of the kernel's (setrlimit(2)) put on a whole group of processes while they run, and taken off again."""

from __future__ import annotations

import resource
from collections.abc import Callable
from contextlib import suppress

from windtunnel.undo.processes import Process


class SoftLimit:
    """Set when it is made. Only the soft limit is lowered, so that it can be raised again without privileges."""

    def __init__(self, kind: int, processes: Callable[[], list[Process]], value: Callable[[int], int]) -> None:
        """`kind` is one of `resource.RLIMIT_*`, `value` the limit for the process with that pid.

        `processes`: who is meant, the leader first; asked again each time, because workers come and go.
        """
        self._kind, self._processes = kind, processes
        leader = next(iter(processes()), None)
        self._before = (leader and _soft(kind, leader.pid)) or resource.RLIM_INFINITY
        self._set(value)

    def lift(self) -> None:
        """Give back what the leader had. Harmless for those who are gone."""
        self._set(lambda _: self._before)

    def read_back(self) -> dict[int, int]:
        """What the kernel has, by pid; nothing of those who are gone."""
        found = {process.pid: _soft(self._kind, process.pid) for process in self._processes()}
        return {pid: soft for pid, soft in found.items() if soft is not None}

    def _set(self, value: Callable[[int], int]) -> None:
        for process in self._processes():
            with suppress(ProcessLookupError, FileNotFoundError):
                hard = resource.prlimit(process.pid, self._kind)[1]
                resource.prlimit(process.pid, self._kind, (value(process.pid), hard))


def _soft(kind: int, pid: int) -> int | None:
    """None when the process is gone."""
    with suppress(ProcessLookupError):
        return resource.prlimit(pid, kind)[0]
    return None
