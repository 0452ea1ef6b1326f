"""The client that a scenario is given in the engine: it sends one arrival's requests and writes down each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from random import Random
from time import monotonic
from typing import Any, Protocol

from gevent import GreenletExit, Timeout

from windtunnel.load.arrivals import Arrival, choices_of
from windtunnel.load.client import Answer
from windtunnel.load.expectation import unmet
from windtunnel.load.failure import kind_of
from windtunnel.load.lateness import Lateness
from windtunnel.load.messages import Row
from windtunnel.load.session import Reply, Session

UNFINISHED = "unfinished: the load was stopped"


class Surroundings(Protocol):
    """What all arrivals of a run share."""

    token: str
    """Makes request ids unique across runs."""
    seed: int
    timeout: float
    sessions: Mapping[str, Session]
    memory: MutableMapping[str, Any]
    lateness: Lateness
    rows: list[Row]


class Visitor:
    """A `Client`. Its first request is due with the arrival, each following one when the one before was answered."""

    __slots__ = ("_arrival", "_count", "_rng", "_run", "due", "sent")

    def __init__(self, run: Surroundings, arrival: Arrival) -> None:
        self._run, self._arrival, self.due = run, arrival, arrival.due
        self._count, self.sent = 0, False
        self._rng: Random | None = None

    @property
    def rng(self) -> Random:
        # Made when asked for: seeding costs as much as a tenth of a request.
        if self._rng is None:
            self._rng = choices_of(self._run.seed, self._arrival.ordinal)
        return self._rng

    @property
    def memory(self) -> MutableMapping[str, Any]:
        return self._run.memory

    def request(
        self,
        method: str,
        service: str,
        path: str,
        *,
        route: str | None = None,
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Sequence[int] = (),
        check: Callable[[Answer], str | None] | None = None,
        timed: bool = True,
    ) -> Answer:
        """As `Client.request`. Raises LookupError for a service that the client has no edge to."""
        run, route = self._run, route or f"{method} {path}"
        self._count += 1
        request_id = f"{run.token}-{self._arrival.ordinal}-{self._count}"
        given = {**headers, "X-Request-Id": request_id} if headers else {"X-Request-Id": request_id}
        due, start = self.due, monotonic()
        run.lateness.add(start - due)
        try:
            session, reply = self._exchange(service, method, path, json, given)
        except GreenletExit:
            self.note(route, start, error=UNFINISHED, request_id=request_id)
            raise
        self.due = end = monotonic()
        lost = reply.problem is not None
        error = kind_of(reply.problem) if reply.problem is not None else None
        answer = Answer(status=reply.status, headers=reply.headers, body=reply.body, error=error)
        if not lost and (error := unmet(answer, expect, check)) is not None:
            answer = Answer(status=answer.status, headers=answer.headers, body=answer.body, error=error)
        if timed:
            outcome = "ok" if error is None else "indeterminate" if lost and self.sent else "failed"
            run.rows.append([self._arrival.scenario, route, due, start, end, answer.status, outcome, error, request_id])
            session.tell_locust(method, route, end - due, answer, error)
        return answer

    def note(self, route: str, start: float, *, error: str, request_id: str = "") -> None:
        """Write down something that is not an answer."""
        outcome = "indeterminate" if self.sent and error is UNFINISHED else "failed"
        row = [self._arrival.scenario, route, self.due, start, monotonic(), None, outcome, error, request_id]
        self._run.rows.append(row)

    def _exchange(
        self, service: str, method: str, path: str, json: object | None, headers: Mapping[str, str]
    ) -> tuple[Session, Reply]:
        """The answer, or what went wrong on the way. A request that cannot be written is the scenario's fault."""
        session = self._run.sessions.get(service)
        if session is None:
            raise LookupError(f"the client has no edge to {service!r}; it has to {', '.join(self._run.sessions)}")
        self.sent = False
        with Timeout(self._run.timeout):
            return session, session.exchange(method, path, json, headers, self)
