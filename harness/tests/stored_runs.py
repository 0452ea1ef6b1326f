"""Whole runs as they lie on disk, made by hand: for the tests of what is built from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hand_written import STEP, always, every, expect, header, history, recovery, spec

from windtunnel.checks import judge
from windtunnel.history import FaultEvent, History
from windtunnel.history.codec import event_line, header_line
from windtunnel.report.facts import Facts
from windtunnel.report.outdir import write_logs
from windtunnel.report.schema import SystemSummary
from windtunnel.report.summary import merge_summary, write_part
from windtunnel.spec.model import FaultStep

DAY = 86_400.0
SYSTEM = SystemSummary(
    name="storefront",
    services=["orders", "payments", "users"],
    edges={"client->orders": "hard", "orders->payments": "hard", "orders->users": "soft, background"},
    faults={"latency": "edge", "partition": "edge", "kill": "service"},
)
"""Three edges with two faults and three services with one: nine cells."""
DEGRADED = always(status=503, outcome="failed")
BROKEN = every(10, latency=5.0)
NEVER_BACK = always(status=500, outcome="failed")


def story(name="payments_cut", *, edge="orders->payments", kind="partition", day=0, **sides):
    """One experiment: its spec and its history. `sides` are what `history` takes."""
    on = {"edges": (edge,)} if "->" in edge else {"service": edge}
    step = FaultStep(name=STEP.name, fault=kind, **on)
    promises = (expect("place_order p99 < 1500ms"), expect("error_rate < 1%", "recovered"))
    of = spec(*promises, id=name, title=f"Orders bear <{name}> & more", path=Path(f"chaos_specs/{name}.yaml"),
              method=(step,), recovery=recovery(9.0))  # fmt: skip
    whole = history(of, **sides)
    events = tuple(
        replace(event, fault=kind, target=edge) if isinstance(event, FaultEvent) else event for event in whole.events
    )
    anchor = (100.0, 1_700_000_000.0 + day * DAY)
    made = header(of, wall_anchor=anchor, services=tuple(SYSTEM["services"]), edges=SYSTEM["edges"], profile="ci",
                  run_seed=0)  # fmt: skip
    return of, replace(whole, header=made, events=events)


def store(out: Path, *stories, logs: dict[str, str] | None = None, commit: str = "abc123") -> Path:
    """Leave a run's folder with these experiments, as the plugin does. Returns it."""
    for of, whole in stories:
        path = write_history(out / "histories" / f"{of.id}.jsonl", whole)
        write_part(out, "main", f"{of.path}::{of.id}", of, judge(whole), whole, path)
        if logs:
            write_logs(out, path, logs)
    merge_summary(out, Facts(system=SYSTEM, commit=commit, profile="ci", seed=0, backend="process", versions={}))
    return out


def write_history(path: Path, whole: History) -> Path:
    """Store a history as the writer would have."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [event_line(part) for part in (*whole.events, *whole.samples, *whole.calls)]
    path.write_text("".join([header_line(whole.header), *lines]), encoding="utf-8")
    return path
