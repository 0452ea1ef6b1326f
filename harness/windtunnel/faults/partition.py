"""partition: nothing passes in either direction, as if packets were dropped."""

from __future__ import annotations

from windtunnel.faults.canary import Sighting
from windtunnel.faults.toxic import ToxicFault
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape
from windtunnel.toxiproxy import Stream


class Partition(ToxicFault):
    """A black hole both ways, on each of its edges: open connections hang, new ones get no answer.

    Taken back, the connections that it held are closed: bytes are missing from them.
    """

    shape = FaultShape(on="edge", several=True, toxic=False)
    type = "timeout"

    def kinds(self) -> tuple[tuple[str, Stream], ...]:
        return ((self.type, "upstream"), (self.type, "downstream"))

    def attributes(self) -> dict[str, int]:
        return {"timeout": 0}

    def met(self, watch: Watch, seen: Sighting) -> bool:
        return seen.outcome == "silent" and seen.received == 0

    def expected(self, watch: Watch) -> str:
        return f"left without a byte for {watch.window:.1f} s"
