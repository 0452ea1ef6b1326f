"""What a cell does to an edge: five faults, each one of the suite's own, with its proof and its restoration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, cast

from windtunnel.chaos import Chaos, Disturbance
from windtunnel.fuzz.plan import Plan
from windtunnel.topology.model import Edge

HEALTHY: Final = "healthy"
FEW_BYTES = 12
"""Of an answer that is no HTTP: enough for a greeting to begin, not enough for it to end."""

Call = tuple[str, Mapping[str, float]]
"""A method of `Chaos`, and what it takes beside the edge."""


@dataclass(frozen=True, kw_only=True)
class CellFault:
    """One way in which an edge is broken for a cell."""

    word: str
    """In an item's id: `orders->payments black-holed`."""
    meaning: str
    call: Callable[[Edge, Plan], Call]
    countable: bool = True
    """Whether the edge record shows a call that met it. A refused connection is not recorded by anybody."""

    def put_on(self, chaos: Chaos, edge: Edge, plan: Plan) -> AbstractContextManager[Disturbance]:
        """The fault, for the length of a block. Raises as `Chaos` does."""
        name, arguments = self.call(edge, plan)
        return cast("AbstractContextManager[Disturbance]", getattr(chaos, name)(edge.name, **arguments))

    def by_hand(self, edge: Edge, plan: Plan) -> str:
        """How a test written by hand does the same: `chaos.timeout("orders->payments", timeout_ms=0)`."""
        name, arguments = self.call(edge, plan)
        words = [f'"{edge.name}"', *(f"{key}={value}" for key, value in arguments.items())]
        return f"chaos.{name}({', '.join(words)})"


def _lose_answer(edge: Edge, plan: Plan) -> Call:
    return ("http_lose_answer", {}) if edge.protocol == "http" else ("reset", {})


def _truncate(edge: Edge, plan: Plan) -> Call:
    if edge.protocol == "http":
        return "http_truncate", {"fraction": 0.5}
    return "limit_data", {"limit_bytes": FEW_BYTES}


FAULTS: Final[Mapping[str, CellFault]] = {
    fault.word: fault
    for fault in (
        CellFault(
            word="refused",
            meaning="nothing listens where the callee should be",
            call=lambda edge, plan: ("down", {}),
            countable=False,
        ),
        CellFault(
            word="black-holed",
            meaning="requests vanish; no answer ever comes",
            call=lambda edge, plan: ("timeout", {"timeout_ms": 0}),
        ),
        CellFault(
            word="slow",
            meaning="everything comes later",
            call=lambda edge, plan: ("latency", {"latency_ms": round(plan.slow * 1000)}),
        ),
        CellFault(word="answer-lost", meaning="the callee did it; the caller never hears of it", call=_lose_answer),
        CellFault(word="truncated", meaning="the answer breaks off in the middle", call=_truncate),
    )
}
"""Adding one is a line here, and a paragraph of FUZZING.md."""
