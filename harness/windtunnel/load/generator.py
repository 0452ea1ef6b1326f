"""One run of load in the engine: a schedule that waits for nobody, and the arrivals in flight."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from time import monotonic
from typing import Any, Final

import gevent
from gevent import GreenletExit
from locust.env import Environment

from windtunnel.errors import BadInputError
from windtunnel.load.arrivals import Arrival, arrivals
from windtunnel.load.lateness import Lateness
from windtunnel.load.messages import Row
from windtunnel.load.model import LoadPlan
from windtunnel.load.scenarios import SET_UP, Scenario, load_scenarios
from windtunnel.load.session import Session
from windtunnel.load.visitor import Visitor

IN_FLIGHT_LIMIT: Final = 20_000
"""Arrivals under way at once. Beyond it an arrival is an error that says so, and counts as not sent."""
DRAIN_GRACE: Final = 0.5
"""Seconds on top of the drain, so that a time-out that ends with it is still told as what it is."""
BATCH: Final = 20
"""Arrivals that are started in one turn of the event loop."""
SLOW_TURN: Final = 0.1
"""Seconds after which a turn of the event loop has taken long."""
MOMENT: Final = 1e-6
"""Seconds; not 0, for which gevent would not go round its loop."""
TRACEBACKS: Final = 3
"""Tracebacks of scenarios that a run writes to the engine's log."""


class Generator:
    """Made, it has done the plan's set-up; `begin` and `dispatch` start the arrivals, `stop` ends them.

    Locust's `environment` counts the requests, if it has a runner. `share` (k, n): see `arrivals`. Raises
    `BadInputError` when the plan's file or targets cannot be used.
    """

    def __init__(self, plan: LoadPlan, environment: Environment, *, share: tuple[int, int] = (0, 1)) -> None:
        self._scenarios, set_up = load_scenarios(plan.scenarios, {entry.scenario for entry in plan.mix})
        self._plan, self._share, self.environment = plan, share, environment
        self.token, self.seed, self.timeout = os.urandom(4).hex(), plan.seed, plan.timeout
        fire = environment.events.request.fire
        self.sessions: Mapping[str, Session] = {service: Session(url, fire) for service, url in plan.targets.items()}
        self.memory: MutableMapping[str, Any] = {}
        self.lateness, self.rows = Lateness(), list[Row]()
        self.offered = self.sent = self._raised = 0
        self._in_flight: set[gevent.Greenlet] = set()
        self._arrivals: Iterator[Arrival] = iter(())
        self._next: Arrival | None = None
        self._stopped = False
        if set_up is not None:
            self._prepare(set_up, plan.scenarios)

    def _prepare(self, set_up: Scenario, path: Path) -> None:
        """What all arrivals need is made once, so that the load does not begin with a stampede for it."""
        try:
            set_up(Visitor(self, Arrival(ordinal=-1, due=monotonic(), scenario=SET_UP)))
        except (Exception, SystemExit) as error:
            self._close()
            raise BadInputError(f"{SET_UP} failed: {type(error).__name__}: {error}", path=path) from error
        # Its requests are no load: they appear neither among the samples nor in a record.
        self.take_rows()
        self.lateness = Lateness()
        self.environment.stats.reset_all()

    def begin(self, start: float) -> None:
        """The plan's time 0 is `start`, on this machine's monotonic clock; who calls `dispatch` starts what is due."""
        self._arrivals = arrivals(self._plan, start, share=self._share)
        self._next = next(self._arrivals, None)

    @property
    def exhausted(self) -> bool:
        """Whether the plan has no more arrivals, and all of those it had have ended."""
        return self._next is None and not self._in_flight

    def take_rows(self) -> list[Row]:
        """The samples since the last call."""
        # In place: every visitor holds this very list.
        rows = self.rows[:]
        self.rows.clear()
        return rows

    def close_stale_connections(self) -> None:
        for session in self.sessions.values():
            session.connections.close_stale()

    def stop(self, drain: float) -> dict[str, object]:
        """Start no more arrivals, give those in flight `drain` seconds, cut the rest off; then the report."""
        self._stopped = True
        end = monotonic()
        while self._take_due(end) is not None:  # the schedule was behind: these were offered, but never sent
            pass
        gevent.joinall(list(self._in_flight), timeout=drain + DRAIN_GRACE)
        gevent.killall(list(self._in_flight), timeout=1.0)
        self._close()
        return self._report()

    def _close(self) -> None:
        for session in self.sessions.values():
            session.connections.close()

    def _report(self) -> dict[str, object]:
        total = self.environment.stats.total
        return {
            "t": monotonic(),
            "offered": self.offered,
            "sent": self.sent,
            "late_share": self.lateness.share,
            "late_p99": self.lateness.p99,
            "locust": {"requests": total.num_requests, "failures": total.num_failures},
        }

    def dispatch(self) -> None:
        """Start each arrival when it is due. Returns after the last one, or when the load was stopped."""
        last = monotonic()
        while self._next is not None and not self._stopped:
            now = monotonic()
            # Where scenarios use up the processor, one at a time: orders must be heard and answers read in between.
            for _ in range(BATCH if now - last < SLOW_TURN else 1):
                if (arrival := self._take_due(now)) is None:
                    break
                self._launch(arrival)
            last = now
            gevent.sleep(max(self._waiting_time(), MOMENT))

    def _take_due(self, now: float) -> Arrival | None:
        """The next arrival, if it is due."""
        arrival = self._next
        if arrival is None or arrival.due > now:
            return None
        self._next = next(self._arrivals, None)
        self.offered += 1
        return arrival

    def _waiting_time(self) -> float:
        return self._next.due - monotonic() if self._next is not None else 0.0

    def _launch(self, arrival: Arrival) -> None:
        if len(self._in_flight) >= IN_FLIGHT_LIMIT:
            error = f"generator: {IN_FLIGHT_LIMIT} arrivals are in flight already"
            Visitor(self, arrival).note(arrival.scenario, monotonic(), error=error)
            return
        greenlet = gevent.Greenlet(self._arrive, arrival)
        self._in_flight.add(greenlet)
        greenlet.rawlink(self._in_flight.discard)
        greenlet.start()

    def _arrive(self, arrival: Arrival) -> None:
        self.sent += 1
        visitor, start = Visitor(self, arrival), monotonic()
        try:
            self._scenarios[arrival.scenario](visitor)
        except GreenletExit:
            return
        except (Exception, SystemExit) as error:
            visitor.note(arrival.scenario, start, error=f"scenario: {type(error).__name__}: {error}")
            self._raised += 1
            if self._raised <= TRACEBACKS:
                traceback.print_exc(file=sys.stderr)
