"""Judges a load profile: a pure function from its history to a verdict, with the same rules as an experiment's.

ERROR  the evidence is no good: the system was ill before, a fault or its removal unproven, the generator not what was
       asked for; or a promise broke while the generator, the proxy or other programs had the processors. Or something
       could not be decided.
FAIL   a promise broke, beyond doubt; recovery took too long; an invariant is violated; the capacity is below what is
       asked for; a figure is worse than the accepted run's by more than is tolerated.
PASS   everything was decided, and held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from windtunnel.checks import conduct, faults, generator, invariants
from windtunnel.checks.count import Count
from windtunnel.checks.degradation import Documented, documented
from windtunnel.checks.figures import figures_of
from windtunnel.checks.recovery import recovered_at
from windtunnel.checks.slo import Undecided
from windtunnel.checks.verdict import Finding, Outcome, RecoveryFigure, Verdict, WindowFigures
from windtunnel.checks.windows import in_scope
from windtunnel.history import History, NoteEvent, Sample
from windtunnel.profiles.budget import Budget, budget
from windtunnel.profiles.capacity import Capacity, capacity, judge_capacity
from windtunnel.profiles.criteria import Question, question
from windtunnel.profiles.model import Profile
from windtunnel.profiles.plain import profile_from_plain
from windtunnel.profiles.saturation import Saturation, saturation
from windtunnel.profiles.spans import StageSpans, stage_spans
from windtunnel.units import show_duration

ABORTED: Final = "aborted: "
"""How the note begins that says why a run ended before its time."""


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """A verdict, and the figures that only a load profile has."""

    verdict: Verdict
    capacity: Capacity | None = None
    budgets: tuple[Budget, ...] = ()


def judge_profile(history: History, profile: Profile | None = None, *, extra: Sequence[Finding] = ()) -> Outcomes:
    """`profile` None: the one in the history's header, as run. `extra`: findings from elsewhere, judged along.

    Raises `ProfileError` when the header holds no load profile.
    """
    profile = profile or profile_from_plain(history.header.spec)
    if unmet := conduct.steady_state_doubts(history):
        return Outcomes(verdict=Verdict(outcome="ERROR", errors=(*unmet, *conduct.doubts(history))))
    of, allowed = stage_spans(history, profile), documented(history)
    samples = of.by_stage(history.samples)
    promised = {stage: _weigh_stage(profile, stage, samples.get(stage, []), of, allowed) for stage in _judged(profile)}
    by_stage = {stage: [weighed.finding for weighed in several] for stage, several in promised.items()}
    found = capacity(history, profile, of, {s: f for s, f in by_stage.items() if s in of.stages})
    recovery = _recovery(history, profile, of)
    aborted = _aborted(history)
    findings = [*judge_capacity(found, profile)]
    if profile.search is None:
        reached = (several for stage, several in by_stage.items() if stage in of.stages or not aborted)
        findings += [finding for several in reached for finding in several]
    findings += [recovery[0]] if recovery and not (aborted and recovery[0].judgement == "unknown") else []
    findings += [*invariants.judge(history, profile), *extra]
    full = {} if profile.search else _full_where_broken(history, of, by_stage)
    spoilt = _spoilt(history, profile, of, full)
    if aborted and not any(finding.judgement == "failed" for finding in findings):
        spoilt.append("it was aborted, but nothing is broken beyond doubt")
    unrest = conduct.unrest(history)
    verdict = Verdict(
        outcome=_outcome(findings, spoilt, unrest),
        findings=tuple(findings),
        windows=_figures(profile, samples, allowed),
        recovery=recovery[1] if recovery else None,
        errors=(*spoilt, *unrest, *aborted, *_explained(full)),
    )
    return Outcomes(verdict=verdict, capacity=found, budgets=_budgets(profile, samples))


def undecided(history: History, profile: Profile, stage: str) -> list[Undecided]:
    """Why, and by how much, this stage should last longer."""
    of, allowed = stage_spans(history, profile), documented(history)
    samples = of.select(history.samples, stage)
    weighed = _weigh_stage(profile, stage, samples, of, allowed)
    return [Undecided(message=one.finding.message, lacking=one.lacking) for one in weighed if one.lacking]


@dataclass(frozen=True, kw_only=True)
class _Weighed:
    finding: Finding
    lacking: float = 0.0


def _judged(profile: Profile) -> list[str]:
    return [stage.name for stage in profile.stages if stage.slo]


def _weigh_stage(
    profile: Profile, name: str, samples: Sequence[Sample], of: StageSpans, allowed: Documented
) -> list[_Weighed]:
    stage = profile.stage(name)
    return [
        _weigh(question(stage, objective, promise, allowed, faulted=of.faulted == name), samples, name in of.stages)
        for objective in (profile.objectives[one] for one in stage.slo)
        for promise in objective.promises
    ]


def _weigh(asked: Question, samples: Sequence[Sample], reached: bool) -> _Weighed:
    own = [sample for sample in samples if in_scope(sample, asked.promise.scope)]
    if not own:
        why = "no samples" if reached else "the stage was never reached"
        message = f"{asked.name}: {why}"
        finding = Finding(expectation=asked.name, judgement="unknown", message=message, samples=0)
        return _Weighed(finding=finding, lacking=1.0 if reached else 0.0)
    rule, value = asked.rule(len(own)), asked.figure(own)
    count = Count(
        name=asked.name,
        rule=rule,
        value=value,
        shown=asked.spell(value),
        k=sum(map(rule.counted, own)),
        n=len(own),
        of_outcomes=asked.of_outcomes,
    )
    return _Weighed(finding=count.finding(own), lacking=count.lacking)


def _recovery(history: History, profile: Profile, of: StageSpans) -> tuple[Finding, RecoveryFigure | None] | None:
    wanted = profile.recovery
    if wanted is None:
        return None
    name = f"recovery within {show_duration(wanted.within)} after {wanted.after}"
    if wanted.after not in of.stages:
        return Finding(expectation=name, judgement="unknown", message=f"{name}: that stage was never reached"), None
    over = of.stages[wanted.after][1]
    since = recovered_at(history, wanted.until, over)
    watched = max((sample.due for sample in history.samples), default=over) - over
    if since is not None:
        seconds = since - over
        figure = RecoveryFigure(seconds=seconds, censored=False, limit=wanted.within)
        judgement = "passed" if seconds <= wanted.within else "failed"
        message = f"{name}: got {seconds:.1f}s"
        return Finding(expectation=name, judgement=judgement, message=message, observed=seconds), figure  # type: ignore[arg-type]
    figure = RecoveryFigure(seconds=max(watched, 0.0), censored=True, limit=wanted.within)
    if watched < wanted.within:
        message = f"{name}: inconclusive: not recovered, but watched for {max(watched, 0.0):.1f}s only"
        return Finding(expectation=name, judgement="unknown", message=message), figure
    return Finding(expectation=name, judgement="failed", message=f"{name}: > {watched:.1f}s (censored)"), figure


def _figures(
    profile: Profile, samples: Mapping[str, Sequence[Sample]], allowed: Documented
) -> dict[str, WindowFigures]:
    """Of every stage reached, and of each scenario and judged route in it."""
    promised = [p.scope for objective in profile.objectives.values() for p in objective.promises if p.scope]
    scopes = dict.fromkeys([entry.scenario for entry in profile.mix] + promised)
    found: dict[str, WindowFigures] = {}
    for stage, own in samples.items():
        found[stage] = figures_of(own, allowed)
        if len(scopes) > 1:
            for scope in scopes:
                found[f"{stage}/{scope}"] = figures_of([s for s in own if in_scope(s, scope)], allowed)
    return found


def _budgets(profile: Profile, samples: Mapping[str, Sequence[Sample]]) -> tuple[Budget, ...]:
    found = [
        budget(stage, profile.objectives[name], list(samples[stage.name]))
        for stage in profile.stages
        if stage.name in samples
        for name in stage.slo
    ]
    return tuple(one for one in found if one is not None)


def _aborted(history: History) -> list[str]:
    """Why the run was ended before its time; empty when it was not."""
    notes = [event.text for event in history.events if isinstance(event, NoteEvent) and event.what == "info"]
    return [text for text in notes if text.startswith(ABORTED)]


def _full_where_broken(
    history: History, of: StageSpans, by_stage: Mapping[str, Sequence[Finding]]
) -> dict[str, Saturation]:
    """By stage that broke a promise, what was full then."""
    broken = [name for name in of.stages if any(f.judgement == "failed" for f in by_stage.get(name, ()))]
    return {name: saturation(history, of.stages[name]) for name in broken}


def _explained(full: Mapping[str, Saturation]) -> list[str]:
    """A promise that broke because there was more load than the system or its machine can carry."""
    explaining = {name: bound for name, bound in full.items() if bound.kind in ("service", "machine")}
    return [f"full: in stage {name} {bound.words}" for name, bound in explaining.items()]


def _spoilt(history: History, profile: Profile, of: StageSpans, full: Mapping[str, Saturation]) -> list[str]:
    """Why the evidence is no good."""
    found = [*conduct.doubts(history), *generator.dishonest(history)]
    if profile.faults and (profile.faults.during in of.stages or not _aborted(history)):
        found += faults.doubts(history, profile)
    for name, span in of.stages.items():
        if line := generator.strayed(history.samples, f"stage {name}", span):
            found.append(line)
    taken = {name: bound for name, bound in full.items() if bound.kind in ("generator", "proxy", "others")}
    return found + [
        f"load: in stage {name} {bound.words}: what broke there may not be the system's"
        for name, bound in taken.items()
    ]


def _outcome(findings: Sequence[Finding], spoilt: Sequence[str], unrest: Sequence[str]) -> Outcome:
    if spoilt:
        return "ERROR"
    if any(finding.judgement == "failed" for finding in findings):
        return "FAIL"
    if unrest or not findings or any(finding.judgement == "unknown" for finding in findings):
        return "ERROR"
    return "PASS"
