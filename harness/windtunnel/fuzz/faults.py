"""What a cell does to an edge: five faults, each one of the suite's own, with its proof and its restoration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from windtunnel.chaos import Chaos, Disturbance
from windtunnel.fuzz.plan import Plan
from windtunnel.topology.model import Edge

HEALTHY: Final = "healthy"
FEW_BYTES = 12
"""Of an answer that is no HTTP: enough for a greeting to begin, not enough for it to end."""

Switch = Callable[[Chaos, Edge, Plan], AbstractContextManager[Disturbance]]


@dataclass(frozen=True, kw_only=True)
class CellFault:
    """One way in which an edge is broken for a cell."""

    word: str
    """In an item's id: `orders->payments black-holed`."""
    meaning: str
    put_on: Switch
    countable: bool = True
    """Whether the edge record shows a call that met it. A refused connection is not recorded by anybody."""


def _lose_answer(chaos: Chaos, edge: Edge, plan: Plan) -> AbstractContextManager[Disturbance]:
    return chaos.http_lose_answer(edge.name) if edge.protocol == "http" else chaos.reset(edge.name)


def _truncate(chaos: Chaos, edge: Edge, plan: Plan) -> AbstractContextManager[Disturbance]:
    if edge.protocol == "http":
        return chaos.http_truncate(edge.name, fraction=0.5)
    return chaos.limit_data(edge.name, limit_bytes=FEW_BYTES)


FAULTS: Final[Mapping[str, CellFault]] = {
    fault.word: fault
    for fault in (
        CellFault(
            word="refused",
            meaning="nothing listens where the callee should be",
            put_on=lambda chaos, edge, plan: chaos.down(edge.name),
            countable=False,
        ),
        CellFault(
            word="black-holed",
            meaning="requests vanish; no answer ever comes",
            put_on=lambda chaos, edge, plan: chaos.timeout(edge.name, timeout_ms=0),
        ),
        CellFault(
            word="slow",
            meaning="everything comes later",
            put_on=lambda chaos, edge, plan: chaos.latency(edge.name, latency_ms=round(plan.slow * 1000)),
        ),
        CellFault(word="answer-lost", meaning="the callee did it; the caller never hears of it", put_on=_lose_answer),
        CellFault(word="truncated", meaning="the answer breaks off in the middle", put_on=_truncate),
    )
}
"""Adding one is a line here, and a paragraph of FUZZING.md."""
