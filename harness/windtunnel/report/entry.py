"""One experiment's entry in `summary.json`, made from its spec, its verdict and its history."""

from __future__ import annotations

from windtunnel.checks import faults
from windtunnel.checks.verdict import Finding, RecoveryFigure, Verdict, WindowFigures
from windtunnel.history import FaultEvent, Header, History, LoadEvent, PhaseEvent
from windtunnel.report.schema import (
    ExperimentSummary,
    FaultSummary,
    LoadSummary,
    PromiseSummary,
    RecoverySummary,
    WindowSummary,
)
from windtunnel.spec.model import FaultStep, Spec


def reproduction(item: str, header: Header) -> str:
    """The command that runs an experiment again, as far as its history knows how it was run."""
    seed = "" if header.run_seed is None else f" --wt-seed={header.run_seed}"
    return f"pytest '{item}'{seed}" + (f" --wt-profile={header.profile}" if header.profile else "")


def entry_of(
    item: str, spec: Spec, verdict: Verdict, history: History | None, reproduce: str = ""
) -> ExperimentSummary:
    """What `summary.json` says of one run; without a history it holds no figures."""
    return ExperimentSummary(
        id=spec.id,
        title=spec.title,
        item=item,
        verdict=verdict.outcome,
        reasons=list(verdict.reasons),
        windows={name: window_summary(figures) for name, figures in verdict.windows.items()},
        recovery=recovery_summary(verdict.recovery),
        faults=[fault_summary(step, history) for step in spec.method],
        load=load_summary(history) if history else None,
        promises=[promise_summary(finding) for finding in verdict.findings],
        severity=spec.severity,
        tags=list(spec.tags),
        reproduce=reproduce or (reproduction(item, history.header) if history else f"pytest '{item}'"),
        spec={"path": str(spec.path), "sha256": spec.sha256},
        run=run_summary(history) if history else {},
        history=None,
    )


def window_summary(figures: WindowFigures) -> WindowSummary:
    """Figures as the summary has them."""
    return WindowSummary(
        samples=figures.samples,
        error_rate=rounded(figures.error_rate, 6),
        p50_ms=milliseconds(figures.p50),
        p95_ms=milliseconds(figures.p95),
        p99_ms=milliseconds(figures.p99),
        degraded_rate=rounded(figures.degraded_rate, 6),
    )


def promise_summary(finding: Finding) -> PromiseSummary:
    """A finding without the promise's name in front."""
    return PromiseSummary(
        promise=finding.expectation,
        judgement=finding.judgement,
        got=finding.message.removeprefix("invariant ").removeprefix(f"{finding.expectation}: "),
        observed=rounded(finding.observed, 6),
        samples=finding.samples,
    )


def recovery_summary(figure: RecoveryFigure | None) -> RecoverySummary | None:
    """None where nothing was promised."""
    if figure is None:
        return None
    return RecoverySummary(seconds=rounded(figure.seconds, 3), censored=figure.censored, limit_seconds=figure.limit)


def fault_summary(step: FaultStep, history: History | None) -> FaultSummary:
    """One step, and what its history shows of it."""
    recorded = history.events if history else ()
    events = [event for event in recorded if isinstance(event, FaultEvent) and event.step == step.name]
    return FaultSummary(
        step=step.name,
        kind=step.fault,
        edges=list(step.edges),
        service=step.service,
        proven=faults.proven(events),
        restored=faults.restored(events),
    )


def load_summary(history: History) -> LoadSummary | None:
    """What the generator says of itself; None when it left no report."""
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


def run_summary(history: History) -> dict[str, str | int | float]:
    """Where, when and how."""
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


def milliseconds(seconds: float | None) -> float | None:
    """To a microsecond."""
    return None if seconds is None else round(1000 * seconds, 3)


def rounded(value: float | None, digits: int) -> float | None:
    """None stays None."""
    return None if value is None else round(value, digits)
