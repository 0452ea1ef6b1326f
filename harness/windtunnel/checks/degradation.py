"""Which answers count as degraded as documented: a status that the topology promises while an edge is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from windtunnel.history import FaultEvent, History, Sample

Documented = Mapping[str, frozenset[int]]
"""By scenario, the statuses that its users may see while the edges of this experiment are lost."""

TRANSPORT_ERRORS: Final = frozenset({"timeout", "refused", "reset", "closed", "protocol"})
"""With one of these the answer was not whole, whatever its status line said."""


def lost_edges(history: History) -> frozenset[str]:
    """Every edge that this experiment takes away. A service that is taken away takes all edges to it along."""
    targets = {t for e in history.events if isinstance(e, FaultEvent) for t in e.target.split(", ") if t}
    edges = {edge for by_edge in history.header.degrades_to.values() for edge in by_edge}
    return frozenset(
        {target for target in targets if "->" in target} | {edge for edge in edges if edge.split("->")[-1] in targets}
    )


def documented(history: History) -> Documented:
    """What `degrades_to` allows in this experiment."""
    lost = lost_edges(history)
    return {
        scenario: frozenset(status for edge, statuses in by_edge.items() if edge in lost for status in statuses)
        for scenario, by_edge in history.header.degrades_to.items()
    }


def is_degraded(sample: Sample, allowed: Documented) -> bool:
    """A whole answer with a documented status, also when its scenario was content with it (a 202, say)."""
    whole = sample.outcome != "indeterminate" and sample.error not in TRANSPORT_ERRORS
    return whole and sample.status in allowed.get(sample.scenario, frozenset())
