"""bandwidth: each connection and direction gets so many bytes a second, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from windtunnel.proxy.toxics.base import Delaying, Outlet

LEAST_HELD = 64 * 1024
MOST_HELD = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class BandwidthSettings:
    rate: int = 0
    """KB/s, of 1000 bytes. With 0 or less nothing passes while it lasts."""


class Bandwidth(Delaying[BandwidthSettings, None]):
    """Sends pieces of at most 100 ms worth, each when the time it takes has passed. Unused time is not saved up."""

    Settings = BandwidthSettings

    def __init__(self, settings: BandwidthSettings, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._free_at = outlet.clock()

    @property
    def full(self) -> bool:
        """200 ms worth is held: enough that the line does not run dry until the source is read again."""
        return self.held_bytes >= min(max(self.settings.rate * 200, LEAST_HELD), MOST_HELD)

    def data(self, chunk: bytes) -> None:
        if self.idle:
            self._free_at = max(self._free_at, self.outlet.clock())
        self.hold(chunk, None)

    def eof(self) -> None:
        self.hold(None, None)

    def update(self, settings: BandwidthSettings) -> None:
        self._free_at = self.outlet.clock()
        super().update(settings)

    def due(self, chunk: bytes | None, note: None) -> float:
        if chunk is None:
            return self._free_at
        if self.settings.rate <= 0:
            return inf
        return self._free_at + min(self.portion(chunk), len(chunk)) / (self.settings.rate * 1000)

    def portion(self, chunk: bytes) -> int:
        return self.settings.rate * 100 if self.settings.rate > 0 else len(chunk)

    def leaves(self, due: float) -> None:
        self._free_at = due
