"""What passed between the services: the calls of each edge by window, and those that one request of the load caused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from windtunnel.checks.figures import quantile
from windtunnel.history import Call, History

WINDOWS = ("before", "fault", "after")


@dataclass(frozen=True, kw_only=True)
class CallFigures:
    """The calls of one edge in one window."""

    calls: int
    rate: float
    """Per second."""
    failed: int
    """Without a whole answer, or with a server error."""
    p95: float | None
    """Seconds; None without calls."""


def calls_by_edge(history: History) -> dict[str, dict[str, CallFigures]]:
    """By edge and window; a call belongs to the window in which it began. Empty when nothing was recorded."""
    spans = windows_of(history)
    by_edge: dict[str, list[Call]] = {}
    for call in history.calls:
        by_edge.setdefault(call.edge, []).append(call)
    return {
        edge: {
            window: _figures([c for c in calls if start <= c.start < end], end - start)
            for window, (start, end) in spans.items()
        }
        for edge, calls in by_edge.items()
    }


def windows_of(history: History) -> dict[str, tuple[float, float]]:
    """The baseline, the fault from its injection to its removal, and all that came after it."""
    baseline, fault = history.phase_start("baseline"), history.fault_span()
    if baseline is None or fault is None:
        return {}
    ends = [call.end for call in history.calls] + [sample.end for sample in history.samples]
    removed = min(fault[1], max(ends, default=fault[0]))
    spans = {"before": (baseline, fault[0]), "fault": (fault[0], removed)}
    if math.isfinite(fault[1]) and ends:
        spans["after"] = (removed, max(removed, *ends))
    return {window: (start, end) for window, (start, end) in spans.items() if end > start}


def caused_by(history: History, request_id: str) -> list[Call]:
    """The calls that carried this request's id, in order of their start."""
    return [call for call in history.calls if request_id and call.request_id == request_id]


def _figures(calls: Sequence[Call], seconds: float) -> CallFigures:
    return CallFigures(
        calls=len(calls),
        rate=len(calls) / seconds,
        failed=sum(not call.ok for call in calls),
        p95=quantile(sorted(call.seconds for call in calls), 0.05) if calls else None,
    )
