"""Builds histories by hand, for the tests of checks and reports: load at a steady rate, windows of known length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from windtunnel.history import (
    Event,
    FaultEvent,
    Header,
    History,
    InvariantEvent,
    LoadEvent,
    PhaseEvent,
    ProbeEvent,
    Sample,
)
from windtunnel.spec import spec_to_plain
from windtunnel.spec.model import Expectation, FaultStep, Limit, Load, MixEntry, Recovery, Spec

EDGE = "orders->payments"
STEP = FaultStep(name="cut payments off", fault="partition", edges=(EDGE,))
BASELINE, FAULT, REMOVED, RECOVERED, DONE = 101.0, 109.0, 119.0, 121.0, 129.0
"""When the windows begin: eight seconds of baseline, ten of fault, two of recovery, eight of recovered."""


def sample(due: float, latency: float = 0.02, **changes: Any) -> Sample:
    """One request, fine unless told otherwise."""
    own = {"scenario": "place_order", "route": "POST /orders", "status": 201, "outcome": "ok"}
    start = changes.pop("start", due)
    return Sample(**{**own, "due": due, "start": start, "end": due + latency, **changes})


def load(
    start: float, end: float, rate: float = 50.0, each: Callable[[int, float], Sample] | None = None
) -> list[Sample]:
    """Requests at a constant rate from `start` to before `end`; `each(i, due)` makes them."""
    make = each or (lambda i, due: sample(due))
    return [make(i, start + i / rate) for i in range(round((end - start) * rate))]


def every(n: int, **changes: Any) -> Callable[[int, float], Sample]:
    """Makes every n-th request so, and the others fine."""
    return lambda i, due: sample(due, **(changes if i % n == 0 else {}))


def always(**changes: Any) -> Callable[[int, float], Sample]:
    """Makes every request so."""
    return every(1, **changes)


def expect(text: str, window: str = "fault", **changes: Any) -> Expectation:
    """`place_order p99 < 1500ms` as the reader would make it: times in ms, shares in %, counts bare."""
    *scope, metric, op, bound = text.split()
    factor, unit = next((f, u) for f, u in ((1e-3, "ms"), (1e-2, "%"), (1.0, "s"), (1.0, "")) if bound.endswith(u))
    limit = Limit(value=round(float(bound.removesuffix(unit)) * factor, 9))
    own = {"limit": limit, "scope": scope[0] if scope else None, "text": f"{op} {bound}"}
    return Expectation(**{"window": window, "metric": metric, "op": op, **own, **changes})


def spec(*slo: Expectation, **changes: Any) -> Spec:
    """A spec with these promises, the step `STEP`, and no other."""
    own: dict[str, Any] = {
        "id": "payments_refused",
        "path": Path("chaos_specs/payments_refused.yaml"),
        "sha256": "0" * 64,
        "title": "Orders keep answering while payments is cut off",
        "load": Load(rate=50.0, mix=(MixEntry(scenario="place_order"),)),
        "method": (STEP,),
        "slo": slo,
    }
    return Spec(**{**own, **changes})


def recovery(within: float = 10.0, *until: str) -> Recovery:
    """A recovery clause; healthy is by default no more than 1 % errors."""
    return Recovery(until=tuple(expect(u, "recovered") for u in until or ("error_rate < 1%",)), within=within)


def header(of: Spec | None = None, **changes: Any) -> Header:
    """Where `payments` is lost, a 503 or a 202 is documented."""
    of = of or spec()
    own = {
        "experiment": of.id,
        "title": of.title,
        "spec_path": str(of.path),
        "spec_sha256": of.sha256,
        "spec": spec_to_plain(of),
        "degrades_to": {"place_order": {EDGE: (503, 202), "orders->users": (401,)}},
        "topology": "storefront",
        "backend": "process",
        "proxy": "embedded",
        "seed": 7,
        "run_id": "r1",
        "worker": "main",
        "wall_anchor": (100.0, 1_700_000_000.0),
    }
    return Header(**{**own, **changes})


def fault_event(what: str, t: float, **changes: Any) -> FaultEvent:
    """Something that happened to the one step."""
    own = {"t": t, "step": STEP.name, "fault": STEP.fault, "target": EDGE, "what": what, "proof": f"{what}, seen"}
    return FaultEvent(**{**own, **changes})


def phases() -> list[Event]:
    """Every phase, at its time."""
    times = {
        "warmup": 100.0,
        "baseline": BASELINE,
        "fault": FAULT,
        "recovery": REMOVED,
        "recovered": RECOVERED,
        "done": DONE,
    }
    return [PhaseEvent(t=t, name=name) for name, t in times.items()]


def good_events() -> list[Event]:
    """All that a run without any trouble records beside its samples."""
    whole = [("planned", 100.9), ("applied", FAULT), ("proven", FAULT), ("removed", REMOVED), ("restored", REMOVED)]
    return [
        ProbeEvent(t=99.0, probe="orders ready", met=True),
        *phases(),
        *(fault_event(what, t) for what, t in whole),
        LoadEvent(t=DONE, offered=1450, sent=1450, late_share=0.0, late_p99=0.002),
    ]


def history(
    of: Spec | None = None,
    *,
    fault: Callable[[int, float], Sample] | None = None,
    after: Callable[[int, float], Sample] | None = None,
    before: Callable[[int, float], Sample] | None = None,
    rate: float = 50.0,
    events: list[Event] | None = None,
) -> History:
    """A whole run; `before`, `fault` and `after` make the requests of that time."""
    samples = [
        *load(100.0, FAULT, rate, before),
        *load(FAULT, REMOVED, rate, fault),
        *load(REMOVED, DONE, rate, after),
    ]
    own = good_events() if events is None else events
    own = own + [InvariantEvent(t=DONE, invariant=name) for name in (of or spec()).invariants]
    return History(header=header(of), events=tuple(own), samples=tuple(sorted(samples, key=lambda s: s.due)))


def without(events: list[Event], *whats: str) -> list[Event]:
    """These events, less what happened so to the fault."""
    return [e for e in events if not (isinstance(e, FaultEvent) and e.what in whats)]


def with_load(**changes: Any) -> list[Event]:
    """The good events with another report of the generator."""
    return [replace(e, **changes) if isinstance(e, LoadEvent) else e for e in good_events()]
