"""An experiment as data: what load runs, what breaks when, and what must hold in which window.

All durations are seconds, all rates per second, all shares between 0 and 1. `reader.py` makes these from YAML and
is the only place that knows YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from windtunnel.request_match import RequestMatch

Window = Literal["baseline", "fault", "recovered"]
WINDOWS: tuple[Window, ...] = ("baseline", "fault", "recovered")
STRETCH_SAMPLES: Final = 100
STRETCH_SECONDS: Final = 1.0
"""What counts as recovered must hold for that many requests, and that long, at the least."""
Severity = Literal["blocker", "critical", "normal", "minor", "trivial"]


@dataclass(frozen=True, kw_only=True)
class Phases:
    """How long each phase lasts. `recovery` is a maximum: it ends early once the system has recovered."""

    warmup: float = 1.0
    baseline: float = 8.0
    fault: float = 10.0
    recovery: float = 15.0
    recovered: float = 8.0


@dataclass(frozen=True, kw_only=True)
class MixEntry:
    """One scenario of the load and its relative weight (> 0)."""

    scenario: str
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """Open-model load: arrivals do not wait for answers."""

    rate: float
    """Scenario arrivals per second."""
    mix: tuple[MixEntry, ...]
    arrival: Literal["constant", "poisson"] = "poisson"
    timeout: float = 5.0
    """How long the client waits for one answer."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One steady-state probe: an HTTP GET and the status it must have. `${service}` in the URL is its address."""

    name: str
    url: str
    tolerance: tuple[int, ...] = (200,)
    timeout: float = 2.0
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class FaultStep:
    """One fault: what is done (`fault`, a name from the table in `windtunnel.faults`), to which edges or service.

    `at` counts from the beginning of the fault phase; `duration` None means to its end.
    """

    name: str
    fault: str
    edges: tuple[str, ...] = ()
    service: str | None = None
    params: Mapping[str, float | int | str] = field(default_factory=dict)
    """As the fault's own attributes ask: milliseconds and bytes for toxics, already converted from units."""
    match: RequestMatch | None = None
    """Of a fault on HTTP requests: which of them. None: every one."""
    stream: Literal["upstream", "downstream"] | None = None
    toxicity: float = 1.0
    at: float = 0.0
    duration: float | None = None
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A bound, absolute or relative to the baseline of the same run.

    Absolute: `value`. Relative (`baseline + 20% + 50ms`): `relative` 0.2 and `floor` 0.05; the bound is then
    baseline * (1 + relative) + floor.
    """

    value: float | None = None
    relative: float | None = None
    floor: float = 0.0

    def resolve(self, baseline: float | None) -> float:
        """The bound in seconds or as a share. Raises ValueError when it is relative and there is no baseline."""
        if self.value is not None:
            return self.value
        if baseline is None or self.relative is None:
            raise ValueError("a relative limit needs a baseline")
        return baseline * (1 + self.relative) + self.floor


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """One promise about one window.

    `metric`: `error_rate`, `degraded_rate`, `undocumented_rate` (shares), `p50` ... `p99.9` (seconds),
    `errors`, `undocumented` (counts), `max` (seconds). `scope` is a scenario, a route, or None for every request.
    """

    window: Window
    metric: str
    op: Literal["<", "<=", ">", ">="]
    limit: Limit
    scope: str | None = None
    abort_after: float | None = None
    text: str = ""
    """As written, for messages: `< 1500ms`."""
    line: int = 0

    @property
    def name(self) -> str:
        """How reports and `known_weakness` call it: `fault/place_order p99 < 1500ms`."""
        where = f"{self.window}/{self.scope}" if self.scope else self.window
        return f"{where} {self.metric} {self.text}"


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """How the system counts as recovered, and how long that may take from the removal of the fault."""

    until: tuple[Expectation, ...]
    within: float
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class KnownWeakness:
    """The one expectation that is known to break, and where that is written down. Strict: holding it is a FAIL."""

    expectation: str
    ref: str


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One experiment, one matrix cell, one profile: exactly what one run does."""

    id: str
    """`payments_refused`, or `payments_slow[latency=800ms]` for a matrix cell."""
    path: Path
    sha256: str
    """Of the file's bytes, so that a verdict can be traced to the text it judged."""
    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    severity: Severity = "normal"
    phases: Phases = field(default_factory=Phases)
    load: Load
    probes: tuple[Probe, ...] = ()
    method: tuple[FaultStep, ...]
    slo: tuple[Expectation, ...] = ()
    recovery: Recovery | None = None
    invariants: tuple[str, ...] = ()
    known_weakness: KnownWeakness | None = None
    repeat: int = 1
    seed: int = 0

    @property
    def lost_edges(self) -> tuple[str, ...]:
        """Every edge that a step names; `degrades_to` is looked up by these."""
        return tuple(dict.fromkeys(edge for step in self.method for edge in step.edges))
