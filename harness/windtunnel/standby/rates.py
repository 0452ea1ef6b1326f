"""What passes on each edge now: from the record of its proxy, looked at again and again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from windtunnel.checks.figures import quantile
from windtunnel.edge_records import EdgeRecord
from windtunnel.errors import CapabilityError, ProxyError
from windtunnel.history import Call
from windtunnel.observer.calls import EdgeCalls
from windtunnel.stack.base import Stack

WINDOW: Final = 5.0
"""Seconds that the figures look back."""


@dataclass(frozen=True, kw_only=True)
class EdgeRate:
    """One edge, over about the last few seconds."""

    edge: str
    rate: float | None = None
    """Requests that ended per second; connections that came per second, where the edge does not speak HTTP. None:
    nobody tells."""
    failed: float | None = None
    """Share of the requests without a whole answer, or with a server error. None: no requests, or nobody can tell."""
    p95: float | None = None
    """Seconds; None as above."""
    bytes_per_second: float | None = None
    """Both directions together, where the edge does not speak HTTP."""


class EdgeRates:
    """Of every edge that the stack has, the client's too. Not for several threads."""

    def __init__(self, stack: Stack, *, window: float = WINDOW, clock: Callable[[], float] = time.monotonic) -> None:
        self._stack, self._window, self._clock = stack, window, clock
        self._began = clock()
        self._calls = EdgeCalls(stack, client=True)
        self._recent: dict[str, deque[Call]] = {}
        self._records: dict[str, deque[tuple[float, EdgeRecord]]] = {}
        for name, link in stack.topology.links.items():
            if stack.topology.has_edge(link, stack.backend):
                if name in self._calls.edges:
                    self._recent[name] = deque()
                else:
                    self._records[name] = deque()

    def look(self) -> list[EdgeRate]:
        """Read what is new; every edge in the order of the topology."""
        for call in self._calls.new():
            self._recent[call.edge].append(call)
        return [
            self._of_calls(name) if name in self._recent else self._of_records(name)
            for name in self._stack.topology.links
            if name in self._recent or name in self._records
        ]

    def _of_calls(self, edge: str) -> EdgeRate:
        recent, now = self._recent[edge], self._clock()
        while recent and recent[0].end < now - self._window:
            recent.popleft()
        if not recent:
            return EdgeRate(edge=edge, rate=0.0)
        return EdgeRate(
            edge=edge,
            rate=len(recent) / self._seconds(now),
            failed=sum(not call.ok for call in recent) / len(recent),
            p95=quantile(sorted(call.seconds for call in recent), 0.05),
        )

    def _of_records(self, edge: str) -> EdgeRate:
        seen, now = self._records[edge], self._clock()
        try:
            proxy = self._stack.proxy(edge)
            if proxy.evidence != "connections":
                return EdgeRate(edge=edge)
            seen.append((now, proxy.record()))
        except (CapabilityError, ProxyError):  # no proxy of a system that runs elsewhere, or one that is away now
            return EdgeRate(edge=edge)
        while len(seen) > 2 and seen[1][0] <= now - self._window:
            seen.popleft()
        (then, first), (_, last) = seen[0], seen[-1]
        seconds = now - then or 1.0
        passed = last.bytes_up + last.bytes_down - first.bytes_up - first.bytes_down
        return EdgeRate(
            edge=edge,
            rate=(last.connections - first.connections) / seconds,
            bytes_per_second=passed / seconds,
        )

    def _seconds(self, now: float) -> float:
        """The window, or less at the beginning."""
        return min(self._window, now - self._began) or 1.0
