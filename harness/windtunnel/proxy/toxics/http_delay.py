"""http_delay: one request, or its answer, is held up; others are not, but for those that must wait behind it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from windtunnel.proxy.alarm import Alarm
from windtunnel.proxy.http1.exchange import Mark
from windtunnel.proxy.toxics.base import Outlet
from windtunnel.proxy.toxics.http_base import HttpToxic
from windtunnel.proxy.toxics.http_settings import LONGEST_DELAY, HttpSettings, attribute, whole

MOST_HELD = 1024 * 1024
"""Bytes held per link before the source is no longer read."""


@dataclass(frozen=True, kw_only=True)
class HttpDelaySettings(HttpSettings):
    delay: int = attribute(whole(0, LONGEST_DELAY), 0)
    """Milliseconds, from the first byte of the message."""
    jitter: int = attribute(whole(0, LONGEST_DELAY), 0)
    """Milliseconds: the delay is `delay` plus or minus up to this much, uniformly; never less than 0."""


class HttpDelay(HttpToxic[HttpDelaySettings]):
    """Holds a message it was meant for from its first byte on. HTTP/1.1 keeps order, so what follows on the same
    connection waits too; it is not delayed any more than that. Removed, it lets everything go at once."""

    Settings = HttpDelaySettings

    def __init__(self, settings: HttpDelaySettings, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._alarm = Alarm(outlet.loop, outlet.clock, self._release)
        self._held: deque[tuple[float, bytes | None]] = deque()
        self._held_bytes = 0

    @property
    def full(self) -> bool:
        return self._held_bytes >= MOST_HELD

    def begin(self) -> None:
        spread = self.settings.jitter
        share = self.chance().uniform(-1, 1) if spread else 0.0
        delay = (self.settings.delay + share * spread) / 1000
        if delay > 0:
            self.touch()
            self._held.append((self.outlet.clock() + delay, b""))
            self._release()

    def data(self, chunk: bytes) -> None:
        if isinstance(chunk, Mark):
            super().data(chunk)
        else:
            self._put(chunk)

    def pass_on(self, mark: Mark) -> None:
        self._put(mark)

    def eof(self) -> None:
        self._put(None)

    def remove(self) -> None:
        while self._held:
            self._send(self._held.popleft()[1])
        self.stop()

    def stop(self) -> None:
        self._alarm.cancel()
        self._held.clear()
        self._held_bytes = 0

    def _put(self, chunk: bytes | None) -> None:
        if self._held:
            self._held.append((0.0, chunk))
            self._held_bytes += len(chunk or b"")
        else:
            self._pass(chunk)

    def _release(self) -> None:
        while self._held:
            due, chunk = self._held[0]
            if due > self.outlet.clock():
                self._alarm.set(due)
                return
            self._held.popleft()
            self._send(chunk)

    def _send(self, chunk: bytes | None) -> None:
        self._held_bytes -= len(chunk or b"")
        self._pass(chunk)

    def _pass(self, chunk: bytes | None) -> None:
        if chunk is None:
            self.outlet.end()
        elif chunk or isinstance(chunk, Mark):
            self.outlet.send(chunk)
