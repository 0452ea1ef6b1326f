"""packet_loss: chunks of the stream are missing, as on a line whose losses nobody makes good."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from random import Random

from windtunnel.proxy.toxics.base import Outlet, Toxic


@dataclass(frozen=True, kw_only=True)
class PacketLossSettings:
    loss_rate: float = 0.0
    """Share of chunks that are dropped; below 0 counts as 0, above 1 as 1."""
    correlation: float = 0.0
    """Added to `loss_rate` for the chunk after a dropped one, so that losses come in bursts; clamped alike."""


class PacketLoss(Toxic[PacketLossSettings]):
    """Drops whole chunks (what one read of the socket gave) with the given chance.

    TCP would send a lost packet again: what is missing here stays missing, and the peers must notice. The end of the
    stream always passes.
    """

    Settings = PacketLossSettings

    def __init__(self, settings: PacketLossSettings, outlet: Outlet) -> None:
        super().__init__(settings, outlet)
        self._dropped_last = False

    def data(self, chunk: bytes) -> None:
        chance = _share(self.settings.loss_rate) + self._dropped_last * _share(self.settings.correlation)
        self._dropped_last = self._rng.random() < chance
        if self._dropped_last:
            self.outlet.touch()
        else:
            self.outlet.send(chunk)

    @cached_property
    def _rng(self) -> Random:
        return self.outlet.generator()


def _share(number: float) -> float:
    return min(max(number, 0.0), 1.0)
