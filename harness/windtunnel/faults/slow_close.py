"""slow_close: data passes, the end of the connection comes late."""

from __future__ import annotations

from windtunnel.faults.canary import Song
from windtunnel.faults.toxic import SlowingToxic
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape


class SlowClose(SlowingToxic):
    """The close in its direction passes `delay` ms late."""

    shape = FaultShape(on="edge", params={"delay": "ms"}, required=frozenset({"delay"}))
    type = "slow_close"

    def song(self, watch: Watch) -> Song:
        return Song(exchanges=watch.dialect.exchanges, farewell=True)

    def threshold(self, watch: Watch) -> float:
        return self.param("delay") / 1000
