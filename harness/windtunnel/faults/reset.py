"""reset: the connection is cut with RST; by default when the answer comes, so that its effect has happened."""

from __future__ import annotations

from windtunnel.faults.canary import Sighting, Song
from windtunnel.faults.toxic import ToxicFault
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape


class Reset(ToxicFault):
    """Toxiproxy's `reset_peer`: RST `timeout` ms after the first data of its stream. Nothing of that stream passes."""

    shape = FaultShape(on="edge", params={"timeout": "ms"})
    type = "reset_peer"

    def probe(self, watch: Watch) -> Song:
        return Song(exchanges=watch.dialect.exchanges, patience=watch.window + self.param("timeout") / 1000)

    def met(self, watch: Watch, seen: Sighting) -> bool:
        return seen.outcome == "reset" and seen.answers < watch.dialect.exchanges

    def expected(self, watch: Watch) -> str:
        return "cut off with a reset"
