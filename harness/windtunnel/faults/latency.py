"""latency: every answer (or request) comes later."""

from __future__ import annotations

from windtunnel.faults.toxic import SlowingToxic
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape


class Latency(SlowingToxic):
    """`latency` ms plus or minus up to `jitter` ms, on each chunk of the stream."""

    shape = FaultShape(on="edge", params={"latency": "ms", "jitter": "ms"}, required=frozenset({"latency"}))
    type = "latency"

    def threshold(self, watch: Watch) -> float:
        return self._least / 1000

    def certainty(self) -> float:
        """The delay is uniform; beyond `_least` lies all of it, or a part of it where jitter can take it to 0."""
        latency, jitter = self.param("latency"), self.param("jitter")
        return 1.0 if jitter < latency else (latency + jitter) / (4 * jitter) if jitter else 1.0

    @property
    def _least(self) -> float:
        """Milliseconds that show it."""
        latency, jitter = self.param("latency"), self.param("jitter")
        return latency - jitter if jitter < latency else (latency + jitter) / 2
