"""A load profile as data: how the load rises and falls, what breaks meanwhile, and what must hold in which stage.

All durations are seconds, all rates scenario arrivals per second, all shares between 0 and 1. `reader.py` and
`slos.py` make these from YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from windtunnel.spec.model import Expectation, FaultStep, Load, MixEntry, Probe, Severity


@dataclass(frozen=True, kw_only=True)
class Promise:
    """One line of an objective: an `Expectation` without a window, or one about the error budget.

    `metric` is a metric of experiments (`error_rate`, `p95`, `max`, `errors` ...), or `availability` (the share of
    requests that were ok, as a bound from below), `burn_rate` (how many times faster than allowed the budget is spent),
    `budget_spent` (the share of the period's budget that these errors are). `bound` is in the metric's own unit.
    """

    metric: str
    op: Literal["<", "<=", ">", ">="]
    bound: float
    scope: str | None = None
    """A scenario, a route, or None for every request."""
    text: str = ""
    """As written: `< 500ms`."""
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A named set of promises (an SLO), and the period over which its error budget is counted."""

    name: str
    promises: tuple[Promise, ...]
    title: str = ""
    period: float | None = None
    counted_against: float | None = None
    """The availability that budgets are counted against where none is promised: during an incident, say."""

    def target(self, scope: str | None) -> float | None:
        """The availability that budgets of this scope are counted against, as a share; None when there is none."""
        promised = (p.bound for p in self.promises if p.metric == "availability" and p.scope == scope)
        return next(promised, self.counted_against)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of load: from one rate to another, evenly, or at one rate throughout."""

    name: str
    duration: float
    start: float
    end: float
    slo: tuple[str, ...] = ()
    """Names of objectives; a stage without any is driven and shown, not judged."""

    @property
    def expected(self) -> float:
        """Arrivals that are due in it, on average."""
        return self.duration * (self.start + self.end) / 2


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What breaks, with the vocabulary of experiments; `at` and `for` of a step count from the beginning of a stage."""

    during: str
    method: tuple[FaultStep, ...]


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """The system must be itself again within a limit after a stage: after an overload, or after a fault."""

    after: str
    until: tuple[Expectation, ...]
    within: float


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search for the capacity: the stages are its rising steps; the first that breaks its SLO ends it."""

    at_least: float | None = None
    """Arrivals per second that must be carried; None: any capacity will do, it is the result."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is aimed at, where the machine allows it: reported beside what was measured, and never judged."""

    rate: float
    of: str
    """What is counted: `requests of each service`."""


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How much worse than the accepted run a figure may be: 0.5 is half as much again."""

    metric: Literal["p50", "p95", "p99"]
    growth: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One load profile as one run does it."""

    id: str
    path: Path
    sha256: str
    """Of the bytes of the profile and of its SLO file."""
    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    severity: Severity = "normal"
    nightly: bool = False
    """Too long for every change."""
    rate: float
    """What the reference machine holds; the shares of `stages` are shares of it."""
    target: Target | None = None
    arrival: Literal["constant", "poisson"] = "poisson"
    timeout: float = 5.0
    mix: tuple[MixEntry, ...]
    probes: tuple[Probe, ...] = ()
    stages: tuple[Stage, ...]
    objectives: Mapping[str, Objective] = field(default_factory=dict)
    """Those that stages name."""
    faults: Faults | None = None
    recovery: Aftermath | None = None
    search: Search | None = None
    invariants: tuple[str, ...] = ()
    regression: tuple[Tolerance, ...] = ()
    seed: int = 0

    @property
    def load(self) -> Load:
        """The load in the words of experiments."""
        return Load(rate=self.rate, mix=self.mix, arrival=self.arrival, timeout=self.timeout)

    @property
    def method(self) -> tuple[FaultStep, ...]:
        """Every step that breaks something."""
        return self.faults.method if self.faults else ()

    def stage(self, name: str) -> Stage:
        """Raises LookupError for an unknown name."""
        return next(stage for stage in self.stages if stage.name == name)

    @property
    def planned(self) -> float:
        """Seconds that all stages last, as written."""
        return sum(stage.duration for stage in self.stages)
