"""timeout: a black hole in one direction; after a while the connection is closed, or never."""

from __future__ import annotations

from typing import ClassVar

from windtunnel.faults.canary import Sighting
from windtunnel.faults.toxic import ToxicFault
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape
from windtunnel.toxiproxy import Stream

EARLY = 0.9
"""Clocks of two processes: a close may seem to come a little before its time."""


class Timeout(ToxicFault):
    """Drops all data of its stream, and closes after `timeout` ms (0: never).

    The stream is upstream unless said otherwise: a server that never saw the request does not close the connection,
    so the caller really hangs. Downstream, the end of a connection that the server closes still comes through.
    """

    shape = FaultShape(on="edge", params={"timeout": "ms"})
    type = "timeout"
    stream: ClassVar[Stream] = "upstream"

    def met(self, watch: Watch, seen: Sighting) -> bool:
        if seen.answers >= watch.dialect.exchanges:
            return False
        limit = self.param("timeout") / 1000
        closed_in_time = limit > 0 and seen.seconds >= EARLY * limit
        closed_by_server = self.kinds()[0][1] == "downstream"
        return seen.outcome == "silent" or (seen.outcome == "ended" and (closed_in_time or closed_by_server))

    def expected(self, watch: Watch) -> str:
        return f"left without an answer for {watch.window:.1f} s"
