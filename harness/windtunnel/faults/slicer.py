"""slicer: answers arrive in small pieces, with a pause after each."""

from __future__ import annotations

import math

from windtunnel.errors import InjectionUnprovenError
from windtunnel.faults.canary import Song
from windtunnel.faults.toxic import SlowingToxic
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape

SAME_ANSWER = 0.9
"""An answer may be a little shorter the next time: a time of day, a counter."""


class Slicer(SlowingToxic):
    """Pieces of about `average_size` bytes, `delay` us after each. The canary counts the pauses that must be there."""

    shape = FaultShape(
        on="edge",
        params={"average_size": "bytes", "size_variation": "bytes", "delay": "us"},
        required=frozenset({"average_size", "delay"}),
    )
    type = "slicer"

    def listen(self, watch: Watch) -> None:
        if self.param("average_size") <= 0:
            raise InjectionUnprovenError(f"edge {watch.name}: an average_size of 0 cuts nothing; write 1B or more")
        try:
            super().listen(watch)
        except InjectionUnprovenError:
            watch.prefer_long_answers()
            super().listen(watch)

    def song(self, watch: Watch) -> Song:
        return Song(exchanges=watch.dialect.exchanges)

    def threshold(self, watch: Watch) -> float:
        upstream = self.kinds()[0][1] == "upstream"
        least = SAME_ANSWER * min((seen.sent if upstream else seen.received) for seen in watch.healthy)
        largest = self.param("average_size") + self.param("size_variation")
        # Nobody waits for the pause after the last piece of an exchange.
        pauses = math.ceil(least / largest) - watch.healthy[0].answers
        return max(pauses, 0) * self.param("delay") / 1_000_000
