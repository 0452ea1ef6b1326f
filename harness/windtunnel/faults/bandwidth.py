"""bandwidth: so many bytes a second pass on each connection, and no more."""

from __future__ import annotations

from windtunnel.errors import InjectionUnprovenError
from windtunnel.faults.canary import Song
from windtunnel.faults.toxic import SlowingToxic
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape

MOST_EXCHANGES = 64
CLEAR = 0.05
"""Seconds that what a canary transfers must take at the least, so that they can be told from none."""
SAME_ANSWER = 0.9
"""An answer may be a little shorter the next time: a time of day, a counter."""
LONG_ENOUGH = 3
"""Times what it takes while the edge is well."""


class Bandwidth(SlowingToxic):
    """At most `rate` KB/s of 1000 bytes. The canary transfers as much as it needs to tell that from a healthy edge."""

    shape = FaultShape(on="edge", params={"rate": "kbps"}, required=frozenset({"rate"}))
    type = "bandwidth"
    _exchanges = 1

    def listen(self, watch: Watch) -> None:
        self._exchanges = watch.dialect.exchanges
        watch.begin(self.song(watch))
        if not self._clear(watch):
            self._find_load(watch)
        super().listen(watch)

    def song(self, watch: Watch) -> Song:
        return Song(exchanges=self._exchanges, at_once=self._exchanges > watch.dialect.exchanges)

    def threshold(self, watch: Watch) -> float:
        upstream = self.kinds()[0][1] == "upstream"
        least = min((seen.sent if upstream else seen.received) for seen in watch.healthy)
        return SAME_ANSWER * least / (max(self.param("rate"), 1) * 1000)

    def _clear(self, watch: Watch) -> bool:
        return self.threshold(watch) >= max(CLEAR, LONG_ENOUGH * watch.typical)

    def _find_load(self, watch: Watch) -> None:
        """Ask for longer answers, then for more of them at once, until their transfer must take a clear time."""
        watch.prefer_long_answers()
        while self._exchanges <= MOST_EXCHANGES:
            try:
                watch.begin(self.song(watch))
            except InjectionUnprovenError:
                break  # this server does not take several requests on one connection
            if self._clear(watch):
                return
            self._exchanges *= 2
        raise InjectionUnprovenError(
            f"edge {watch.name}: {self.param('rate')} KB/s cannot be told from a healthy edge with answers of "
            f"{watch.edge.target} as short as they are; write a lower rate, or name a `metrics` path in the topology"
        )
