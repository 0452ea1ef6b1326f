"""Who uses the processors while a profile runs: each service, the load generator, the proxy, the whole machine.

A capacity without the name of what was saturated is half an answer, and one that was bound by the generator or the
proxy is none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psutil

from windtunnel.history import UsageEvent
from windtunnel.stack.base import Signals, Stack

GENERATOR: Final = "generator"
PROXY: Final = "proxy"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Processor seconds used since some moment long ago."""

    busy: float
    """By everything on the machine."""
    parts: Mapping[str, float]


class Meter:
    """Turns two readings into the cores that each part used in between."""

    def __init__(self, read: Callable[[], Reading], clock: Callable[[], float], cores: int) -> None:
        self._read, self._clock, self._cores = read, clock, cores
        self._at, self._last = clock(), read()

    def take(self) -> UsageEvent | None:
        """Since the last call; None when no time has passed. A part that was restarted counts from its restart."""
        now, reading = self._clock(), self._read()
        seconds, last = now - self._at, self._last
        if seconds <= 0:
            return None
        self._at, self._last = now, reading
        parts = {}
        for name, used in reading.parts.items():
            before = last.parts.get(name, 0.0)
            parts[name] = round((used - before if used >= before else used) / seconds, 3)
        busy = round(max(0.0, reading.busy - last.busy) / seconds, 3)
        return UsageEvent(t=now, seconds=round(seconds, 3), cores=self._cores, busy=busy, parts=parts)


def meter_of(stack: Stack, generator: int, clock: Callable[[], float]) -> Meter:
    """The meter of a running system, whose load generator has that process id."""
    return Meter(lambda: read_processors(stack, generator), clock, psutil.cpu_count() or 1)


def read_processors(stack: Stack, generator: int) -> Reading:
    """What the operating system has counted so far. What cannot be seen (a container of another user) is left out.

    The proxy is this process, in which the embedded one is a thread, and whatever this process has started that is
    neither a service nor the generator (a Toxiproxy binary, say).
    """
    pids = {name: _pids(stack, name) for name in stack.topology.services}
    parts = {name: _seconds(own) for name, own in pids.items() if own}
    parts[GENERATOR] = _seconds((generator,))
    taken = {generator, *(pid for own in pids.values() for pid in own)}
    children = [child.pid for child in psutil.Process().children(recursive=True)]
    parts[PROXY] = _seconds((os.getpid(), *(pid for pid in children if pid not in taken)))
    times = psutil.cpu_times()
    return Reading(busy=sum(times) - _doubles(times) - times.idle - getattr(times, "iowait", 0.0), parts=parts)


def _doubles(times: object) -> float:
    """Linux counts the time of guests a second time, in `user` and `nice`."""
    guest: float = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return guest


def _pids(stack: Stack, service: str) -> tuple[int, ...]:
    if not isinstance(stack, Signals) or not stack.topology.services[service].runs_on(stack.backend):
        return ()
    return stack.state(service).pids


def _seconds(pids: tuple[int, ...]) -> float:
    total = 0.0
    for pid in pids:
        with suppress(psutil.Error):  # it has ended since
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system
    return total
