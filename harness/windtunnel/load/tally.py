"""What came of a run's requests, counted instead of kept: per route, mergeable, small enough to send at any time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from windtunnel.history import Outcome
from windtunnel.load.histogram import Histogram
from windtunnel.load.messages import Row

KINDS_OF_ERROR: Final = 50
"""How many different errors a route keeps apart; those beyond count as `other`."""


class RouteTally:
    """The requests of one scenario to one route."""

    def __init__(self) -> None:
        self.latency = Histogram()
        """From due to answered: what a user waits."""
        self.service = Histogram()
        """From sent to answered: what the system takes once it was asked."""
        self.outcomes: Counter[Outcome] = Counter()
        self.errors: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return self.latency.count

    def note(self, error: str, times: int = 1) -> None:
        known = error in self.errors or len(self.errors) < KINDS_OF_ERROR
        self.errors[error if known else "other"] += times

    def merge(self, other: RouteTally) -> None:
        self.latency.merge(other.latency)
        self.service.merge(other.service)
        self.outcomes.update(other.outcomes)
        for error, times in other.errors.items():
            self.note(error, times)

    def to_plain(self) -> dict[str, object]:
        return {
            "latency": self.latency.to_plain(),
            "service": self.service.to_plain(),
            "outcomes": dict(self.outcomes),
            "errors": dict(self.errors),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> RouteTally:
        made = cls()
        made.latency, made.service = (Histogram.from_plain(plain[name]) for name in ("latency", "service"))
        made.outcomes, made.errors = Counter(plain["outcomes"]), Counter(plain["errors"])
        return made


class Tally:
    """All routes of a run, or of a part of it. `routes` has them by (scenario, route)."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], RouteTally] = {}

    def add(self, row: Row) -> None:
        """Count one request."""
        scenario, route, due, start, end, _, outcome, error, _ = row
        tally = self.routes.get((scenario, route)) or self._open(scenario, route)
        tally.latency.add(end - due)
        tally.service.add(end - start)
        tally.outcomes[outcome] += 1
        if error is not None:
            tally.note(error)

    def merge(self, other: Tally) -> None:
        """Add all that the other one has counted."""
        for key, tally in other.routes.items():
            (self.routes.get(key) or self._open(*key)).merge(tally)

    def of(self, *, scenario: str | None = None, route: str | None = None) -> RouteTally:
        """All requests of that scenario, that route, both, or altogether."""
        whole = RouteTally()
        for (its_scenario, its_route), tally in self.routes.items():
            if scenario in (None, its_scenario) and route in (None, its_route):
                whole.merge(tally)
        return whole

    def to_plain(self) -> list[list[object]]:
        """As JSON and msgpack can carry it."""
        return [[scenario, route, tally.to_plain()] for (scenario, route), tally in sorted(self.routes.items())]

    @classmethod
    def from_plain(cls, plain: list[list[Any]]) -> Tally:
        """The reverse of `to_plain`."""
        made = cls()
        made.routes = {(scenario, route): RouteTally.from_plain(tally) for scenario, route, tally in plain}
        return made

    def _open(self, scenario: str, route: str) -> RouteTally:
        return self.routes.setdefault((scenario, route), RouteTally())
