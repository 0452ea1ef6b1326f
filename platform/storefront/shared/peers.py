"""The other services, as one service sees them: a client under policies, the request id sent on, answers checked."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from resilience import Edge, EdgePolicy, Event, State, StaticList, client, trace
from resilience.errors import RejectedError
from resilience.tracing import Tracing
from storefront.shared import log
from storefront.shared.problems import DependencyProblem

_IDLE = 1.0
"""Seconds without a call, after which nobody else will find out that a peer is well again."""

_TOLD = {
    "state_changed": "breaker changed",
    "ejected": "instance ejected",
    "budget_exhausted": "retry budget exhausted",
}
"""Events that are logged. What comes with every call while a peer is down is counted, not logged."""


class Peer:
    """One service that this one calls. Shared by all threads.

    `urls` are its instances. The balancer chooses between them; where it is off, the first one gets every call.
    """

    def __init__(
        self,
        caller: str,
        name: str,
        *urls: str,
        policy: EdgePolicy,
        base: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self._clock = name, clock
        edge = f"{caller}->{name}"
        self._client = client(urls[0], policy, name=edge, base=base, provider=StaticList(*urls), events=_tell)
        self._last_call = clock()
        self.tracing = Tracing()

    def send(self, method: str, path: str, *, json: object = None, headers: Mapping[str, str] = {}) -> httpx.Response:
        """One call under this edge's policies. Raises `httpx.TransportError`; its request tells if it was sent."""
        with self.tracing.call(method, self.name_of_edge):
            return self._send(method, path, json, headers)

    def _send(self, method: str, path: str, json: object, headers: Mapping[str, str]) -> httpx.Response:
        self._last_call = self._clock()
        request = self._client.build_request(method, path, json=json, headers={**trace.carry(), **headers})
        try:
            return self._client.send(request)
        except httpx.TransportError as error:
            log.event("call failed", level=logging.WARNING, peer=self.name, error=type(error).__name__)
            raise

    def problem(self, error: Exception | None = None) -> DependencyProblem:
        """What to tell a client when this peer did not do its part."""
        wait = math.ceil(error.retry_after) if isinstance(error, RejectedError) else 1
        return DependencyProblem(self.name, f"The {self.name} service does not answer as it should", retry_after=wait)

    @property
    def edge(self) -> Edge:
        """The policies, with the counters that metrics show."""
        return self._client.edge

    @property
    def name_of_edge(self) -> str:
        return self.edge.name

    def breaker_state(self) -> State:
        """That of the breaker, of the worst one where each instance has its own; closed where there is none."""
        states = {circuit.state for circuit in self.edge.circuits().values()}
        return next((state for state in (State.OPEN, State.HALF_OPEN) if state in states), State.CLOSED)

    def rejecting(self) -> bool:
        """A call now would be turned away by the breaker, so that work which can wait should wait."""
        return not self.edge.allows()

    def probe(self) -> None:
        """Ask an idle peer how it is, where a breaker is not closed: without traffic it could not close again."""
        if self._clock() - self._last_call < _IDLE:
            return
        for error in self.edge.probe(lambda: self._client.build_request("GET", "/health/live")):
            log.event("probe failed", peer=self.name, error=type(error).__name__)

    def close(self) -> None:
        self._client.close()


def _tell(event: Event) -> None:
    if event.kind in _TOLD:
        log.event(_TOLD[event.kind], level=logging.WARNING, name=event.edge, change=event.detail)


def open_breakers(peers: Mapping[str, Peer]) -> dict[str, str]:
    """By edge: every breaker that is not closed."""
    states = {peer.name_of_edge: peer.breaker_state() for peer in peers.values()}
    return {edge: state.label for edge, state in states.items() if state is not State.CLOSED}


def probe_idle(peers: Mapping[str, Peer]) -> float:
    """The step of a loop that lets breakers close when no client calls."""
    for peer in peers.values():
        peer.probe()
    return 0.25


def read_object(response: httpx.Response, *fields: str) -> dict[str, Any]:
    """The answer's JSON object with these fields in it. Raises ValueError: what came is not what was agreed."""
    value = response.json()
    if not isinstance(value, dict) or not all(field in value for field in fields):
        raise ValueError(f"the answer lacks one of {fields}")
    return value
