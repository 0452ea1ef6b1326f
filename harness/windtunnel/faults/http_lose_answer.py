"""http_lose_answer: the callee did it and answered; the caller never hears of it."""

from __future__ import annotations

from windtunnel.edge_requests import EdgeRequest
from windtunnel.faults.canary import Sighting
from windtunnel.faults.http_fault import Heard, HttpFault
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape


class HttpLoseAnswer(HttpFault):
    """`then` says what the caller sees: a reset connection, or nothing (hang)."""

    shape = FaultShape(
        on="edge",
        params={"then": "word"},
        words={"then": ("reset", "hang")},
        match=True,
        streams=("downstream",),
    )
    type = "http_lose_answer"

    def sees(self, watch: Watch, seen: Sighting, heard: Heard) -> bool:
        wanted = "silent" if self.step.params.get("then") == "hang" else "reset"
        return (seen.outcome, seen.received) == (wanted, 0)

    def shows(self, request: EdgeRequest) -> bool:
        return request.status is None and request.ended in ("reset", "no_answer")

    def expected(self, watch: Watch) -> str:
        return "left without an answer"
