"""Who uses the processors while a profile runs: each instance of a service, the generator, the proxy, the machine.

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


RESEARCH: Final = 10
"""Readings after which the processes of each part are looked up again: that costs more than reading them."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Processor seconds used since some moment long ago."""

    t: float
    """When it was read, in monotonic seconds. Not when it was asked for: on a busy machine that is long before."""
    busy: float
    """By everything on the machine."""
    parts: Mapping[str, float]


class Meter:
    """Turns two readings into the cores that each part used in between."""

    def __init__(self, read: Callable[[], Reading], cores: int) -> None:
        self._read, self._cores = read, cores
        self._last = read()

    def take(self) -> UsageEvent | None:
        """Since the last call; None when no time has passed. A part that was restarted counts from its restart."""
        last, reading = self._last, self._read()
        seconds = reading.t - last.t
        if seconds <= 0:
            return None
        self._last = reading
        parts = {}
        for name, used in reading.parts.items():
            before = last.parts.get(name, 0.0)
            parts[name] = round((used - before if used >= before else used) / seconds, 3)
        busy = round(max(0.0, reading.busy - last.busy) / seconds, 3)
        return UsageEvent(t=reading.t, seconds=round(seconds, 3), cores=self._cores, busy=busy, parts=parts)


def meter_of(stack: Stack, generator: int, clock: Callable[[], float]) -> Meter:
    """The meter of a running system, whose load generator has that process id."""
    return Meter(Processors(stack, generator, clock).read, psutil.cpu_count() or 1)


class Processors:
    """Reads what the operating system has counted. What cannot be seen (a container of another user) is left out.

    The proxy is this process, in which the embedded one is a thread, and whatever this process has started that is
    neither a service nor the generator (a Toxiproxy binary, say).
    """

    def __init__(self, stack: Stack, generator: int, clock: Callable[[], float]) -> None:
        self._stack, self._generator, self._clock = stack, generator, clock
        self._pids: dict[str, tuple[int, ...]] = {}
        self._readings = 0

    def read(self) -> Reading:
        """Of now."""
        if self._readings % RESEARCH == 0 or not all(psutil.pid_exists(p) for own in self._pids.values() for p in own):
            self._pids = self._search()
        self._readings += 1
        parts = {name: _seconds(own) for name, own in self._pids.items()}
        now, times = self._clock(), psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        return Reading(t=now, busy=sum(times) - _doubles(times) - idle, parts=parts)

    def _search(self) -> dict[str, tuple[int, ...]]:
        found = {name: own for name in self._stack.topology.instances if (own := _pids(self._stack, name))}
        taken = {self._generator, *(pid for own in found.values() for pid in own)}
        children = [child.pid for child in psutil.Process().children(recursive=True)]
        mine = (os.getpid(), *(pid for pid in children if pid not in taken))
        return {**found, GENERATOR: (self._generator,), PROXY: mine}


def _doubles(times: object) -> float:
    """Linux counts the time of guests a second time, in `user` and `nice`."""
    guest: float = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return guest


def _pids(stack: Stack, instance: str) -> tuple[int, ...]:
    if not isinstance(stack, Signals) or not stack.topology.instances[instance].runs_on(stack.backend):
        return ()
    return stack.state(instance).pids


def _seconds(pids: tuple[int, ...]) -> float:
    total = 0.0
    for pid in pids:
        with suppress(psutil.Error):  # it has ended since
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system
    return total
