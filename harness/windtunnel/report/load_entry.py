"""One load profile's entry in `summary.json`, made from the profile, its outcomes and its history."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from windtunnel.history import History
from windtunnel.profiles.capacity import Capacity
from windtunnel.profiles.judging import Outcomes
from windtunnel.profiles.model import Profile, Stage
from windtunnel.profiles.saturation import saturation
from windtunnel.profiles.spans import StageSpans, stage_spans
from windtunnel.report.entry import (
    fault_summary,
    load_summary,
    promise_summary,
    recovery_summary,
    rounded,
    run_summary,
    window_summary,
)
from windtunnel.report.schema import BudgetSummary, CapacitySummary, LoadProfileSummary, StageSummary


def load_entry(
    item: str, profile: Profile, outcomes: Outcomes, history: History | None, reproduce: str
) -> LoadProfileSummary:
    """What `summary.json` says of one run; without a history it holds no figures."""
    verdict = outcomes.verdict
    return LoadProfileSummary(
        id=profile.id,
        title=profile.title,
        item=item,
        verdict=verdict.outcome,
        reasons=list(verdict.reasons),
        rate=profile.rate,
        target_rate=profile.target.rate if profile.target else None,
        target_of=profile.target.of if profile.target else "",
        stages=_stages(profile, history) if history else [],
        windows={name: window_summary(figures) for name, figures in verdict.windows.items()},
        promises=[promise_summary(finding) for finding in verdict.findings],
        capacity=_capacity(outcomes.capacity),
        budgets=[
            BudgetSummary(
                stage=one.stage,
                objective=one.objective,
                target=one.target,
                availability=round(one.availability, 6),
                burn_rate=round(one.burn_rate, 4),
                period_seconds=one.period,
                spent=rounded(one.spent, 8),
            )
            for one in outcomes.budgets
        ],
        recovery=recovery_summary(verdict.recovery),
        faults=[fault_summary(step, history) for step in profile.method],
        load=load_summary(history) if history else None,
        severity=profile.severity,
        tags=list(profile.tags),
        reproduce=reproduce,
        spec={"path": str(profile.path), "sha256": profile.sha256},
        run=run_summary(history) if history else {},
        history=None,
    )


def _stages(profile: Profile, history: History) -> list[StageSummary]:
    of = stage_spans(history, profile)
    return [_stage(stage, history, of) for stage in profile.stages if stage.name in of.stages]


def _stage(stage: Stage, history: History, of: StageSpans) -> StageSummary:
    start, end = of.stages[stage.name]
    end = min(end, max((sample.end for sample in history.samples), default=start))
    samples = of.select(history.samples, stage.name)
    seconds = max(end - start, 0.0)
    kinds = Counter(sample.error or sample.outcome for sample in samples if sample.outcome != "ok")
    return StageSummary(
        stage=stage.name,
        seconds=round(seconds, 3),
        from_rate=round(stage.start, 3),
        to_rate=round(stage.end, 3),
        requests_rate=round(len(samples) / seconds, 2) if seconds else 0.0,
        cores=saturation(history, (start, end)).usage,
        errors=dict(kinds.most_common()),
    )


def _capacity(found: Capacity | None) -> CapacitySummary | None:
    if found is None:
        return None
    plain = {name: rounded(value, 3) for name, value in asdict(found).items() if name in ("held", "requests", "broke")}
    return CapacitySummary(
        held_rate=plain["held"],
        held_requests_rate=plain["requests"],
        broke_rate=plain["broke"],
        reason=found.reason,
        bound=found.bound.resource if found.bound else None,
        usage_cores=found.bound.usage if found.bound else {},
    )
