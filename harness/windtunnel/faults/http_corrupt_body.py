"""http_corrupt_body: bytes of an answer's body are other bytes; the length is right, the content is not."""

from __future__ import annotations

from windtunnel.edge_requests import EdgeRequest
from windtunnel.errors import InjectionUnprovenError
from windtunnel.faults.canary import Sighting
from windtunnel.faults.http_fault import Heard, HttpFault
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape


class HttpCorruptBody(HttpFault):
    """The first byte, and from there on one in `every`, on the average."""

    shape = FaultShape(on="edge", params={"every": "bytes"}, match=True, streams=("downstream",))
    type = "http_corrupt_body"

    def listen(self, watch: Watch) -> None:
        super().listen(watch)
        if not self.healthy[watch.name].content:
            raise InjectionUnprovenError(
                f"edge {watch.name}: the answer that a canary gets has no body that could be changed; "
                f"give {watch.edge.target} a ready path that answers with one"
            )

    def sees(self, watch: Watch, seen: Sighting, heard: Heard) -> bool:
        """A body may differ by itself (a time of day), but hardly in its first byte."""
        return seen.outcome == "answered" and heard.content[:1] != self.healthy[watch.name].content[:1]

    def shows(self, request: EdgeRequest) -> bool:
        return True  # touched says that bytes were changed

    def expected(self, watch: Watch) -> str:
        return "answered with another body"
