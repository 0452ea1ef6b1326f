"""latency: each chunk leaves later than it came. Order is kept; chunks overlap, so throughput is not cut."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import NamedTuple

from windtunnel.proxy.toxics.base import Delaying

MOST_HELD = 32 * 1024 * 1024
"""Bytes held per link before the source is no longer read (as in Toxiproxy: 1024 chunks of 32 KiB)."""


@dataclass(frozen=True, kw_only=True)
class LatencySettings:
    latency: int = 0
    """Milliseconds; a negative total is no delay."""
    jitter: int = 0
    """Milliseconds: the delay is latency plus or minus up to this much, uniformly."""


class Arrival(NamedTuple):
    """When a chunk came (clock seconds), and its share of the jitter, in [-1, 1)."""

    at: float
    share: float


class Latency(Delaying[LatencySettings, Arrival]):
    """Holds each chunk until arrival + latency + U[-jitter, +jitter). The end of the stream only waits in line."""

    Settings = LatencySettings

    @property
    def full(self) -> bool:
        return self.held_bytes >= MOST_HELD

    def data(self, chunk: bytes) -> None:
        share = self._rng.uniform(-1, 1) if self.settings.jitter > 0 else 0.0
        self.hold(chunk, Arrival(self.outlet.clock(), share))

    def eof(self) -> None:
        self.hold(None, Arrival(0.0, 0.0))

    def due(self, chunk: bytes | None, note: Arrival) -> float:
        if chunk is None:
            return 0.0
        jitter = max(self.settings.jitter, 0)
        return note.at + (self.settings.latency + note.share * jitter) / 1000

    @cached_property
    def _rng(self) -> Random:
        return self.outlet.generator()
