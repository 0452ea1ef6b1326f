"""`<out>/summary.json`: what a run found, for programs. `reports/SUMMARY.md` describes it for people.

    each worker: write_part ─> <out>/parts/<worker>-<n>.json ─┐
    the controller, at the end: merge_summary ────────────────┴─> <out>/summary.json

The schema's name and version are in the file. Within a version, keys are only added, never renamed or removed. Figures
that do not exist (no samples, no recovery clause, a run that never began) are null, never 0.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final, TypedDict, cast

from windtunnel.checks import faults
from windtunnel.checks.verdict import RecoveryFigure, Verdict, WindowFigures
from windtunnel.history import FaultEvent, History, LoadEvent, PhaseEvent
from windtunnel.spec.model import FaultStep, Spec

SCHEMA: Final = "windtunnel/summary/v1"


class WindowSummary(TypedDict):
    """Figures of one window, or of one scenario or route in it."""

    samples: int
    error_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class RecoverySummary(TypedDict):
    """`censored`: the system was not seen to recover, and was watched for `seconds`."""

    seconds: float | None
    censored: bool
    limit_seconds: float


class FaultSummary(TypedDict):
    """One step: what was done to whom, and whether it was shown to bite and to be gone."""

    step: str
    kind: str
    edges: list[str]
    service: str | None
    proven: bool
    restored: bool


class LoadSummary(TypedDict):
    """Arrivals per second, due and sent, over the time of the load; and the share of requests sent late."""

    offered_rate: float | None
    achieved_rate: float | None
    late_share: float
    late_p99_ms: float


class ExperimentSummary(TypedDict):
    """One run of one experiment."""

    id: str
    title: str
    item: str
    """What to give to pytest to run it again."""
    verdict: str
    reasons: list[str]
    """One line for everything that did not pass."""
    windows: dict[str, WindowSummary]
    """Keys: a window, or `window/scope`."""
    recovery: RecoverySummary | None
    faults: list[FaultSummary]
    load: LoadSummary | None
    spec: dict[str, str]
    """`path` and `sha256` of the file."""
    run: dict[str, str | int | float]
    """Backend, proxy, seed, worker, run id, Unix time of its begin, seconds; empty when it never began."""
    history: str | None
    """The stored history, relative to the summary's folder."""


class SummaryDocument(TypedDict):
    """The whole file."""

    schema: str
    totals: dict[str, int]
    """How many experiments had each verdict."""
    experiments: list[ExperimentSummary]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A merged summary and where it lies."""

    path: Path
    document: SummaryDocument


def write_part(  # noqa: PLR0917 - everything that is known of one run, each of another type
    out: Path, worker: str, item: str, spec: Spec, verdict: Verdict, history: History | None, history_path: Path | None
) -> Path:
    """Store one experiment's result; any number of workers may do so at the same time. Returns the fragment's path.

    `history` is None when the experiment never began. Texts come from the history and the verdict, so they are as clean
    of secrets as those are.
    """
    experiment = _experiment(item, spec, verdict, history)
    experiment["history"] = _relative(history_path, out) if history_path else None
    return _write_new_part(out, worker, experiment)


def write_lost(out: Path, item: str) -> Path:
    """Store that an experiment's worker died in the middle of it: nothing else is known of it."""
    path, _, name = item.partition("::")
    lost = ExperimentSummary(
        id=name,
        title=name,
        item=item,
        verdict="ERROR",
        reasons=["the worker that ran it died"],
        windows={},
        recovery=None,
        faults=[],
        load=None,
        spec={"path": path, "sha256": ""},
        run={},
        history=None,
    )
    return _write_new_part(out, "lost", lost)


def _write_new_part(out: Path, worker: str, experiment: ExperimentSummary) -> Path:
    folder = out / "parts"
    folder.mkdir(parents=True, exist_ok=True)
    part = next(path for n in count(1) if not (path := folder / f"{worker}-{n:04}.json").exists())
    _write(part, experiment)
    return part


def merge_summary(out: Path) -> Summary:
    """Merge all fragments into `summary.json`, sorted by item. Writes no file when there is no fragment."""
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((out / "parts").glob("*.json"))]
    experiments = sorted(cast("list[ExperimentSummary]", parts), key=lambda experiment: experiment["item"])
    totals = Counter(experiment["verdict"] for experiment in experiments)
    document = SummaryDocument(schema=SCHEMA, totals=dict(sorted(totals.items())), experiments=experiments)
    summary = Summary(path=out / "summary.json", document=document)
    if experiments:
        _write(summary.path, document)
    return summary


def _write(path: Path, document: Mapping[str, object]) -> None:
    """A reader sees the old file or the new one, never half of it."""
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def _experiment(item: str, spec: Spec, verdict: Verdict, history: History | None) -> ExperimentSummary:
    return ExperimentSummary(
        id=spec.id,
        title=spec.title,
        item=item,
        verdict=verdict.outcome,
        reasons=list(verdict.reasons),
        windows={name: _window(figures) for name, figures in verdict.windows.items()},
        recovery=_recovery(verdict.recovery),
        faults=[_fault(step, history) for step in spec.method] if history else [],
        load=_load(history) if history else None,
        spec={"path": str(spec.path), "sha256": spec.sha256},
        run=_run(history) if history else {},
        history=None,
    )


def _window(figures: WindowFigures) -> WindowSummary:
    return WindowSummary(
        samples=figures.samples,
        error_rate=_rounded(figures.error_rate, 6),
        p50_ms=_milliseconds(figures.p50),
        p95_ms=_milliseconds(figures.p95),
        p99_ms=_milliseconds(figures.p99),
    )


def _recovery(figure: RecoveryFigure | None) -> RecoverySummary | None:
    if figure is None:
        return None
    return RecoverySummary(seconds=_rounded(figure.seconds, 3), censored=figure.censored, limit_seconds=figure.limit)


def _fault(step: FaultStep, history: History) -> FaultSummary:
    events: Sequence[FaultEvent] = [e for e in history.events if isinstance(e, FaultEvent) and e.step == step.name]
    return FaultSummary(
        step=step.name,
        kind=step.fault,
        edges=list(step.edges),
        service=step.service,
        proven=faults.proven(events),
        restored=faults.restored(events),
    )


def _load(history: History) -> LoadSummary | None:
    reports = [event for event in history.events if isinstance(event, LoadEvent)]
    if not reports:
        return None
    report = reports[-1]
    seconds = history.samples[-1].due - history.samples[0].due if history.samples else 0.0
    return LoadSummary(
        offered_rate=round(report.offered / seconds, 2) if seconds else None,
        achieved_rate=round(report.sent / seconds, 2) if seconds else None,
        late_share=round(report.late_share, 6),
        late_p99_ms=round(1000 * report.late_p99, 3),
    )


def _run(history: History) -> dict[str, str | int | float]:
    header, times = history.header, [event.t for event in history.events if isinstance(event, PhaseEvent)]
    monotonic, unix = header.wall_anchor
    return {
        "backend": header.backend,
        "proxy": header.proxy,
        "seed": header.seed,
        "worker": header.worker,
        "run_id": header.run_id,
        "began_unix": round(unix + (min(times, default=monotonic) - monotonic), 3),
        "seconds": round(max(times) - min(times), 3) if times else 0.0,
    }


def _relative(path: Path, out: Path) -> str:
    return str(path.relative_to(out)) if path.is_relative_to(out) else str(path)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 3)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
