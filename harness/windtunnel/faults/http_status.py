"""http_status: requests are answered by the proxy in the callee's place; the callee never sees them."""

from __future__ import annotations

from windtunnel.edge_requests import EdgeRequest
from windtunnel.faults.canary import Sighting
from windtunnel.faults.http_fault import Heard, HttpFault
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape

USUAL = 503


class HttpStatus(HttpFault):
    """`status`, with a `body` and Retry-After if given."""

    shape = FaultShape(
        on="edge",
        params={"status": "status", "body": "text", "content_type": "text", "retry_after": "whole_s"},
        match=True,
        streams=("downstream",),
    )
    type = "http_status"

    def sees(self, watch: Watch, seen: Sighting, heard: Heard) -> bool:
        return seen.outcome == "answered" and seen.status == self._status

    def shows(self, request: EdgeRequest) -> bool:
        return request.status == self._status

    def expected(self, watch: Watch) -> str:
        return f"answered with {self._status}"

    @property
    def _status(self) -> int:
        return int(self.step.params.get("status", USUAL))
