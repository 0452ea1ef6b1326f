"""The record of one experiment: what was sent, what was broken, what came back, when. Append-only, on disk, versioned.

A history is a text file of JSON lines. The first line is the header, every other one an event:

    {"history": "windtunnel/v1", "experiment": "payments_refused", ...}
    {"kind": "phase", "t": 12.31, "name": "baseline"}
    {"kind": "sample", "scenario": "place_order", "due": 12.39, "start": 12.39, "end": 12.41, "status": 201, ...}

All times are seconds of the host's CLOCK_MONOTONIC; the header's `wall_anchor` ties them to wall time.
Checks, evidence and `windtunnel judge` read histories and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

FORMAT = "windtunnel/v1"
LATE: Final = 0.010
"""Seconds after its due time from which a request counts as sent late."""

Outcome = Literal["ok", "failed", "indeterminate"]
"""`indeterminate`: sent, but the answer was lost; the effect may have happened."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One request of the load. Latency counts from `due`, so a late generator or a frozen system cannot hide."""

    scenario: str
    route: str
    """`POST /orders`: method and template, never the concrete path."""
    due: float
    start: float
    end: float
    status: int | None
    """None when no status arrived."""
    outcome: Outcome
    error: str | None = None
    """Kind of failure: `timeout`, `refused`, `reset`, `closed`, `protocol`, `expectation: ...`."""
    request_id: str = ""

    @property
    def latency(self) -> float:
        """Seconds from when the request was due until its answer was complete."""
        return self.end - self.due

    @property
    def late(self) -> float:
        """Seconds by which the generator sent it after it was due."""
        return self.start - self.due


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request on one edge between two services, as its proxy saw it. Times are the caller's: its own retries are
    calls of their own."""

    edge: str
    method: str
    path: str
    """As sent, without the query."""
    status: int | None
    """None when no answer's head reached the caller."""
    start: float
    end: float
    ended: str
    """`complete`; or what cut it off: `cut`, `reset`, `no_answer`, `unread`."""
    request_id: str = ""
    """Of the load's request that it was made for, where the services pass it on."""
    touched_by: Sequence[str] = ()
    """Toxics on requests that acted on it."""

    @property
    def seconds(self) -> float:
        """From the first byte of the request to the last of the answer."""
        return self.end - self.start

    @property
    def ok(self) -> bool:
        """A whole answer that is no server error."""
        return self.ended == "complete" and self.status is not None and self.status < 500


@dataclass(frozen=True, kw_only=True)
class PhaseEvent:
    """A phase began. `name`: warmup, baseline, fault, recovery, recovered, done."""

    t: float
    name: str


@dataclass(frozen=True, kw_only=True)
class FaultEvent:
    """Something happened to a fault. `proof` says in words what showed it."""

    t: float
    step: str
    fault: str
    target: str
    """The edges joined by `, `, or the service."""
    what: Literal["planned", "applied", "proven", "unproven", "removed", "restored", "unrestored"]
    proof: str = ""


@dataclass(frozen=True, kw_only=True)
class ProbeEvent:
    """One steady-state probe was tried."""

    t: float
    probe: str
    met: bool
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class InvariantEvent:
    """One invariant was evaluated on the system at rest. `error` set: it could not be evaluated (unknown)."""

    t: float
    invariant: str
    violations: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class LoadEvent:
    """What the generator says of itself when a run of load ends."""

    t: float
    offered: int
    """Arrivals that were due."""
    sent: int
    """Arrivals that were started."""
    late_share: float
    """Share of requests sent more than 10 ms after they were due."""
    late_p99: float
    """Seconds."""


BreakerState = Literal["closed", "open", "half_open", "unknown"]


@dataclass(frozen=True, kw_only=True)
class BreakerEvent:
    """A circuit breaker was seen in another state than before. `unknown`: its service did not tell."""

    t: float
    breaker: str
    """What the service calls it, in most cases the edge."""
    service: str
    state: BreakerState


@dataclass(frozen=True, kw_only=True)
class UsageEvent:
    """Who had the processors since the last such event."""

    t: float
    seconds: float
    """How long that was."""
    cores: int
    """How many there are."""
    busy: float
    """Of all of them together, in cores: 1.5 is one and a half."""
    parts: Mapping[str, float]
    """In cores: each service by its name, `generator`, and `proxy` (the embedded one with the process it is in)."""


@dataclass(frozen=True, kw_only=True)
class NoteEvent:
    """Something a reader should know: an extension of a phase, a guard, an error of the harness."""

    t: float
    what: Literal["extended", "error", "quiet", "info"]
    text: str


Event = PhaseEvent | FaultEvent | ProbeEvent | InvariantEvent | LoadEvent | BreakerEvent | UsageEvent | NoteEvent


@dataclass(frozen=True, kw_only=True)
class Header:
    """Who, what, where: all that is needed to judge the events again, and to run the experiment again."""

    experiment: str
    title: str
    spec_path: str
    spec_sha256: str
    spec: Mapping[str, object]
    """The experiment as run (one matrix cell, one profile): `Spec` as plain data."""
    degrades_to: Mapping[str, Mapping[str, Sequence[int]]]
    topology: str
    backend: str
    proxy: str
    seed: int
    run_id: str
    worker: str
    wall_anchor: tuple[float, float]
    """(monotonic seconds, Unix seconds) read at the same moment."""
    versions: Mapping[str, str] = field(default_factory=dict)
    services: Sequence[str] = ()
    """Every service of the system, so that the record alone can draw it."""
    edges: Mapping[str, str] = field(default_factory=dict)
    """Every edge, and what losing it may cost: `hard`, `soft`, `hard, background`, `soft, background`."""
    replicas: Mapping[str, int] = field(default_factory=dict)
    """How many instances a service has, where that is more than one."""
    profile: str = ""
    run_seed: int | None = None
    """The `--wt-seed` of the run; `seed` is this experiment's own, made from it."""


@dataclass(frozen=True, kw_only=True)
class History:
    """A whole experiment, in memory. Samples are in order of their due time, calls in that of their start."""

    header: Header
    events: tuple[Event, ...]
    samples: tuple[Sample, ...]
    calls: tuple[Call, ...] = ()

    def phase_start(self, name: str) -> float | None:
        """When the phase began, or None when it was never reached."""
        return next((e.t for e in self.events if isinstance(e, PhaseEvent) and e.name == name), None)

    def fault_span(self) -> tuple[float, float] | None:
        """From the first injection acknowledged to the last removal acknowledged; None when nothing was injected."""
        applied = [e.t for e in self.events if isinstance(e, FaultEvent) and e.what == "applied"]
        removed = [e.t for e in self.events if isinstance(e, FaultEvent) and e.what == "removed"]
        if not applied:
            return None
        return min(applied), max(removed) if removed else float("inf")
