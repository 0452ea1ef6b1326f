"""http_truncate: an answer breaks off within its body, and its connection with it."""

from __future__ import annotations

from collections.abc import Mapping

from windtunnel.edge_requests import EdgeRequest
from windtunnel.errors import InjectionUnprovenError, SpecError
from windtunnel.faults.base import UndoRecord
from windtunnel.faults.canary import Sighting
from windtunnel.faults.http_fault import Heard, HttpFault
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape
from windtunnel.stack.base import Stack


class HttpTruncate(HttpFault):
    """After `bytes`, or a `fraction`, of the body; `then` the connection is closed, or reset."""

    shape = FaultShape(
        on="edge",
        params={"bytes": "bytes", "fraction": "share", "then": "word"},
        words={"then": ("close", "reset")},
        match=True,
        streams=("downstream",),
    )
    type = "http_truncate"

    def plan(self, stack: Stack) -> tuple[UndoRecord, ...]:
        params = self.step.params
        if float(params.get("fraction", 0)) >= 1:
            raise SpecError("http_truncate: a fraction of 100% or more cuts nothing; write less, such as 50%")
        if params.get("bytes") and params.get("fraction"):
            raise SpecError("http_truncate: bytes and fraction exclude each other; give one")
        return super().plan(stack)

    def listen(self, watch: Watch) -> None:
        super().listen(watch)
        if not self.healthy[watch.name].content:
            raise InjectionUnprovenError(
                f"edge {watch.name}: the answer that a canary gets has no body that could be cut; "
                f"give {watch.edge.target} a ready path that answers with one"
            )

    def twin_attributes(self, watch: Watch) -> Mapping[str, object]:
        """Not more than half of what a canary gets, so that there is something to cut."""
        return {"bytes": min(self.param("bytes"), len(self.healthy[watch.name].content) // 2)}

    def sees(self, watch: Watch, seen: Sighting, heard: Heard) -> bool:
        return seen.answers == 0 and seen.outcome == ("reset" if self._resets else "ended")

    def shows(self, request: EdgeRequest) -> bool:
        return request.ended in ("cut", "reset")

    def expected(self, watch: Watch) -> str:
        return f"cut off within the body and {'reset' if self._resets else 'closed'}"

    @property
    def _resets(self) -> bool:
        return self.step.params.get("then") == "reset"
