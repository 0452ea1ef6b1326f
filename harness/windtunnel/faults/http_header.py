"""http_header: a header is set, or removed, on requests or on their answers."""

from __future__ import annotations

from collections.abc import Mapping

from windtunnel.edge_requests import EdgeRequest
from windtunnel.errors import SpecError
from windtunnel.faults.base import UndoRecord
from windtunnel.faults.canary import Sighting
from windtunnel.faults.http_fault import Heard, HttpFault
from windtunnel.faults.watch import Watch
from windtunnel.spec.shape import FaultShape
from windtunnel.stack.base import Stack
from windtunnel.toxiproxy import Attributes

PROOF = "X-Windtunnel-Twin"
"""Set for the canary besides, so that there is something to see where only removing was asked for."""


class HttpHeader(HttpFault):
    """`set` is one header as `Name: value`; `remove` is the name of one. More of them: more steps."""

    shape = FaultShape(on="edge", params={"set": "text", "remove": "text"}, match=True)
    type = "http_header"

    def plan(self, stack: Stack) -> tuple[UndoRecord, ...]:
        if not self.step.params.keys() & {"set", "remove"}:
            raise SpecError("http_header: give set: 'Name: value', or remove: Name, or both")
        self.attributes()
        return super().plan(stack)

    def attributes(self) -> Attributes:
        match = super().attributes()["match"]
        removed = self.step.params.get("remove")
        return {"set": self._set, "remove": [str(removed)] if removed else [], "match": match}

    def twin_attributes(self, watch: Watch) -> Mapping[str, object]:
        return {"set": {**self._set, PROOF: "1"}}

    def sees(self, watch: Watch, seen: Sighting, heard: Heard) -> bool:
        if seen.outcome != "answered" or (self.step.stream or self.stream) == "upstream":
            return seen.outcome == "answered"
        lines = heard.head.lower().split(b"\r\n")
        wanted = {f"{name}: {value}".lower().encode("latin-1") for name, value in (*self._set.items(), (PROOF, "1"))}
        gone = str(self.step.params.get("remove", "")).lower().encode("latin-1")
        return wanted <= set(lines) and not (gone and any(line.partition(b":")[0] == gone for line in lines))

    def shows(self, request: EdgeRequest) -> bool:
        return True  # touched says that the head was changed

    def expected(self, watch: Watch) -> str:
        return "answered with the headers changed"

    @property
    def _set(self) -> dict[str, str]:
        given = str(self.step.params.get("set", ""))
        name, colon, value = given.partition(":")
        if given and not (colon and name.strip()):
            raise SpecError(f"http_header: set is {given!r}; write it as 'Name: value'")
        return {name.strip(): value.strip()} if given else {}
