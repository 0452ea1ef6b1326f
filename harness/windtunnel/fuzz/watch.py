"""What a request of ours set off between the services, by the edge record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from windtunnel.edge_requests import kind_of_path
from windtunnel.errors import CapabilityError
from windtunnel.fuzz.edge_table import Uses
from windtunnel.stack.base import Stack
from windtunnel.topology.model import CLIENT, Edge

POLL = 0.02
ARRIVAL = 3.0
"""Seconds that a call has to show in the record: it is there once it has ended, and background work comes later."""


class EdgeWatch:
    """All edges between services, each with all its links. Tells what passed on each since it was last marked."""

    def __init__(
        self, stack: Stack, clock: Callable[[], float] = time.monotonic, pause: Callable[[float], None] = time.sleep
    ) -> None:
        topology = stack.topology
        self._stack, self._clock, self._pause = stack, clock, pause
        self._edges: Mapping[str, Edge] = {
            edge.name: edge
            for edge in topology.edges
            if edge.source != CLIENT and topology.has_edge(edge, stack.backend)
        }
        self._links = {name: tuple(topology.links_of(name)) for name in self._edges}
        self._requests = {name: dict.fromkeys(self._links[name], 0) for name in self._http()}
        self._traffic: dict[str, tuple[int, ...]] = {}
        self.mark()

    @property
    def edges(self) -> tuple[str, ...]:
        return tuple(self._edges)

    def mark(self) -> None:
        """From now on."""
        for edge in self._edges:
            if edge in self._requests:
                since = self._requests[edge]
                self._requests[edge] = {link: self._stack.proxy(link).requests(since[link]).next for link in since}
            else:
                self._traffic[edge] = self._passed(edge)

    def seen(self, edges: Iterable[str] | None = None) -> Mapping[str, Counter[str]]:
        """By edge that something passed on: how often each kind of call; no kinds where the edge is not HTTP."""
        found: dict[str, Counter[str]] = {}
        for edge in self._edges if edges is None else edges:
            if edge not in self._requests:
                if self._passed(edge) != self._traffic[edge]:
                    found[edge] = Counter()
                continue
            logs = [self._stack.proxy(link).requests(since) for link, since in self._requests[edge].items()]
            if calls := Counter(f"{r.method} {kind_of_path(r.path)}" for log in logs for r in log.requests):
                found[edge] = calls
        return found

    def reached(self, edge: str, calls: tuple[str, ...], patience: float = ARRIVAL) -> int:
        """How many of these calls passed on that edge; waits for the first. Not HTTP: 1 when anything did."""
        end = self._clock() + patience
        while not (count := self._count(edge, calls)) and self._clock() < end:
            self._pause(POLL)
        return count

    def _count(self, edge: str, calls: tuple[str, ...]) -> int:
        seen = self.seen([edge])
        if edge not in self._requests:
            return int(edge in seen)
        return sum(count for call, count in seen.get(edge, Counter()).items() if call in calls)

    def _passed(self, edge: str) -> tuple[int, ...]:
        records = [self._stack.proxy(link).record() for link in self._links[edge]]
        return (
            sum(record.connections for record in records),
            sum(record.bytes_up for record in records),
            sum(sum(record.touched.values()) for record in records),
        )

    def _http(self) -> list[str]:
        """Edges that are read request by request. Raises `CapabilityError` where one should be and is not."""
        http = [name for name, edge in self._edges.items() if edge.protocol == "http"]
        for link in (link for name in http for link in self._links[name]):
            if not self._stack.proxy(link).state().http:
                raise CapabilityError(
                    f"the proxy of {link} keeps no record of requests ({self._stack.proxy_kind}), so nobody can tell "
                    f"whether a call got there"
                )
        return http


def missing_or_new(listed: Uses, seen: Mapping[str, Counter[str]]) -> list[str]:
    """How the table and what was seen disagree, in words; both ways."""
    remedy = "`windtunnel fuzz --discover` renews the table"
    found = []
    for edge, calls in seen.items():
        if edge not in listed:
            words = ", ".join(calls) or "traffic"
            found.append(f"it was seen using {edge} ({words}), which the table does not list; {remedy}")
        else:
            found += [
                f"it was seen making {call} on {edge}, which the table does not list; {remedy}"
                for call in calls
                if call not in listed[edge]
            ]
    for edge, listed_calls in listed.items():
        if edge not in seen:
            found.append(f"the table lists {edge}, but it was not seen using it; {remedy}")
        else:
            found += [
                f"the table lists {call} on {edge}, but it was not seen; {remedy}"
                for call in listed_calls
                if call not in seen[edge]
            ]
    return found
