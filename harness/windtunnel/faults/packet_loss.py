"""packet_loss: chunks of the stream never arrive, and nobody sends them again."""

from __future__ import annotations

from collections.abc import Mapping

from windtunnel.errors import InjectionUnprovenError
from windtunnel.faults.canary import Sighting
from windtunnel.faults.toxic import ToxicFault
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape


class PacketLoss(ToxicFault):
    """Drops whole chunks with the chance `loss_rate`, plus `correlation` right after a loss."""

    shape = FaultShape(
        on="edge", params={"loss_rate": "share", "correlation": "share"}, required=frozenset({"loss_rate"})
    )
    type = "packet_loss"

    def attributes(self) -> Mapping[str, int | float]:
        return {name: float(self.step.params.get(name, 0)) for name in self.shape.params}

    def listen(self, watch: Watch) -> None:
        if self.certainty() <= 0:
            raise InjectionUnprovenError(
                f"edge {watch.name}: a loss_rate of 0 loses nothing; write a share such as 10%"
            )
        super().listen(watch)

    def certainty(self) -> float:
        """One chunk at the least must come through for an answer."""
        return min(float(self.step.params["loss_rate"]), 1.0)

    def met(self, watch: Watch, seen: Sighting) -> bool:
        return seen.answers < watch.dialect.exchanges and seen.outcome in ("silent", "ended")

    def expected(self, watch: Watch) -> str:
        return f"left without a whole answer for {watch.window:.1f} s"
