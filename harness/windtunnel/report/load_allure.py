"""What a load profile looks like in the Allure report: epic Load, its stages as steps, its pictures as attachments."""

from __future__ import annotations

from collections.abc import Mapping

import allure

from windtunnel.checks.verdict import Finding
from windtunnel.history import FaultEvent, History
from windtunnel.profiles.judging import Outcomes
from windtunnel.profiles.model import Profile
from windtunnel.profiles.spans import stage_spans
from windtunnel.report.allure import STATUS, event_lines, verdict_lines
from windtunnel.report.allure_steps import Step, write_steps
from windtunnel.report.load_terminal import stage_lines
from windtunnel.report.schema import LoadProfileSummary

EPIC = "Load"


def describe_profile(profile: Profile) -> None:
    """Title and place: feature by kind of profile, story by what breaks."""
    allure.dynamic.title(profile.title)
    allure.dynamic.description(profile.description)
    allure.dynamic.severity(profile.severity)
    allure.dynamic.epic(EPIC)
    allure.dynamic.feature(profile.id)
    for step in profile.method:
        allure.dynamic.story(f"{step.fault} on {', '.join(step.edges) or step.service}")
    for tag in profile.tags:
        allure.dynamic.tag(tag)


def show_load(
    history: History, profile: Profile, outcomes: Outcomes, entry: LoadProfileSummary, plots: Mapping[str, bytes]
) -> None:
    """Attach what a reader needs to believe the verdict, or to doubt it."""
    kinds = allure.attachment_type
    for name, value in {"rate": f"{profile.rate:g}/s", "seed": history.header.seed}.items():
        allure.dynamic.parameter(name, value, excluded=True)
    write_steps(_steps(history, profile, outcomes))
    for name, picture in plots.items():
        allure.attach(picture, name=name, attachment_type=kinds.PNG)
    figures = "\n".join([*verdict_lines(outcomes.verdict), "", *stage_lines(entry)])
    allure.attach(figures, name="verdict and figures", attachment_type=kinds.TEXT)
    allure.attach("\n".join(event_lines(history)), name="what happened when", attachment_type=kinds.TEXT)


def _steps(history: History, profile: Profile, outcomes: Outcomes) -> list[Step]:
    """A step for each stage, with its faults and its promises in it; then what was judged of the whole."""
    monotonic, unix = history.header.wall_anchor
    of, findings = stage_spans(history, profile), outcomes.verdict.findings
    last = max((sample.end for sample in history.samples), default=monotonic)
    steps = []
    for stage, (start, end) in of.stages.items():
        stop = min(end, last)
        inner = [_fault(e) for e in history.events if isinstance(e, FaultEvent) and e.proof and start <= e.t < end]
        inner += [_finding(f, stop) for f in findings if _stage_of(f) == stage]
        steps.append(Step(name=f"stage {stage}", start=start, stop=stop, inner=tuple(inner)))
    rest = [_finding(finding, last) for finding in findings if _stage_of(finding) not in of.stages]
    if rest:
        steps.append(Step(name="the whole run", start=last, stop=last, inner=tuple(rest)))
    return [step.at(unix - monotonic) for step in steps]


def _fault(event: FaultEvent) -> Step:
    status = "broken" if event.what in ("unproven", "unrestored") else "passed"
    return Step(name=f"{event.fault} {event.what}: {event.proof}", start=event.t, stop=event.t, status=status)


def _finding(finding: Finding, t: float) -> Step:
    return Step(name=finding.message, start=t, stop=t, status=STATUS[finding.judgement])


def _stage_of(finding: Finding) -> str:
    return finding.expectation.partition(" ")[0].partition("/")[0]
