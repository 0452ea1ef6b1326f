"""http_delay: the requests it is for are answered later, and no others."""

from __future__ import annotations

from windtunnel.edge_requests import EdgeRequest
from windtunnel.errors import InjectionUnprovenError
from windtunnel.faults.canary import Sighting
from windtunnel.faults.http_fault import Heard, HttpFault
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape


class HttpDelay(HttpFault):
    """`delay` ms plus or minus up to `jitter` ms, on the request or on its answer."""

    shape = FaultShape(on="edge", params={"delay": "ms", "jitter": "ms"}, match=True, required=frozenset({"delay"}))
    type = "http_delay"

    def listen(self, watch: Watch) -> None:
        super().listen(watch)
        if self._least <= watch.fastest:
            raise InjectionUnprovenError(
                f"edge {watch.name}: http_delay of {self._least * 1000:.0f} ms at the least cannot be told from a "
                f"healthy answer, which takes {watch.fastest * 1000:.0f} ms; make it larger, or its jitter smaller"
            )

    def longest(self, watch: Watch) -> float:
        return watch.window + (self.param("delay") + self.param("jitter")) / 1000

    def sees(self, watch: Watch, seen: Sighting, heard: Heard) -> bool:
        return seen.outcome == "answered" and seen.seconds >= self._least

    def shows(self, request: EdgeRequest) -> bool:
        # A caller that had not the patience shows as well how long it waited.
        return request.seconds >= self._least or request.ended != "complete"

    def expected(self, watch: Watch) -> str:
        return f"answered after {self._least * 1000:.0f} ms or more"

    @property
    def _least(self) -> float:
        return (self.param("delay") - self.param("jitter")) / 1000
