"""The other services, as one service sees them: a client under policies, the request id sent on, answers checked."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from resilience import Edge, EdgePolicy, State, client, trace
from resilience.errors import RejectedError
from resilience.tracing import Tracing
from storefront.shared import log
from storefront.shared.problems import DependencyProblem

_IDLE = 1.0
"""Seconds without a call, after which nobody else will find out that a peer is well again."""


class Peer:
    """One service that this one calls. Shared by all threads."""

    def __init__(
        self,
        caller: str,
        name: str,
        url: str,
        policy: EdgePolicy,
        *,
        base: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self._clock = name, clock
        edge = f"{caller}->{name}"
        self._client = client(url, policy, name=edge, base=base, listener=lambda old, new: _tell(edge, old, new))
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
        """Ask an idle peer how it is, if the breaker is not closed: without traffic it could not close again."""
        if self.breaker_state() is State.CLOSED or self.rejecting() or self._clock() - self._last_call < _IDLE:
            return
        try:
            self._client.get("/health/live")
        except httpx.TransportError as error:
            log.event("probe failed", peer=self.name, error=type(error).__name__)

    def close(self) -> None:
        self._client.close()


def _tell(edge: str, old: State, new: State) -> None:
    level = logging.WARNING if new is State.OPEN else logging.INFO
    log.event("breaker changed", level=level, name=edge, was=old.label, state=new.label)


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
