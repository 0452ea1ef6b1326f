"""What an experiment looks like in the Allure report: its place, its words, its steps and its evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import allure

from windtunnel.checks.verdict import Finding, Verdict
from windtunnel.history import FaultEvent, History, PhaseEvent
from windtunnel.report.allure_steps import Step, write_steps
from windtunnel.report.promises import where_and_limit
from windtunnel.report.timeline import render_timeline
from windtunnel.report.trail import excerpt
from windtunnel.report.words import number
from windtunnel.spec.model import Spec

OWNER: Final = "owner:"
"""A tag that begins so names the owner: `owner:checkout-team`."""
STATUS: Final = {"passed": "passed", "failed": "failed", "unknown": "broken"}


def describe(spec: Spec) -> None:
    """Title, description and place of the running experiment: epic by area, feature by fault, story by edge."""
    allure.dynamic.title(spec.title)
    allure.dynamic.description(spec.description)
    allure.dynamic.severity(spec.severity)
    allure.dynamic.epic("chaos")
    allure.dynamic.feature(", ".join(dict.fromkeys(step.fault for step in spec.method)))
    allure.dynamic.story(", ".join([*spec.lost_edges, *dict.fromkeys(s.service for s in spec.method if s.service)]))
    for tag in spec.tags:
        if tag.startswith(OWNER):
            allure.dynamic.label("owner", tag.removeprefix(OWNER))
        else:
            allure.dynamic.tag(tag)
    if spec.known_weakness is not None:
        _link(spec.known_weakness.ref)


def _link(ref: str) -> None:
    """A reference is a link where it is an address, and a tag where it is a name."""
    if ref.startswith(("https://", "http://")):
        allure.dynamic.issue(ref, name=ref.rsplit("/", 1)[-1] or ref)
    else:
        allure.dynamic.tag(ref)


def show_evidence(history: History, verdict: Verdict, path: Path, logs: dict[str, str]) -> None:
    """Attach what a reader needs to believe the verdict, or to doubt it.

    The whole history and the whole logs stay in the run's folder; of the logs, a few lines are here.
    """
    _parameters(history)
    write_steps(steps_of(history, verdict))
    kinds = allure.attachment_type
    allure.attach(render_timeline(history, verdict), name="timeline", attachment_type=kinds.PNG)
    allure.attach("\n".join(verdict_lines(verdict)), name="verdict", attachment_type=kinds.TEXT)
    where = f"the whole record: histories/{path.name}, and logs/{path.stem}/, in the folder of the run"
    allure.attach("\n".join([*event_lines(history), where]), name="what happened when", attachment_type=kinds.TEXT)
    for service, text in logs.items():
        lines, all_ = excerpt(history, text)
        if lines:
            name = f"log of {service} around the fault ({len(lines)} of {number(all_, 'line')})"
            allure.attach("\n".join(lines), name=name, attachment_type=kinds.TEXT)


def _parameters(history: History) -> None:
    """How this run was set up. None of it may count for the test's identity, or each run would begin a new history."""
    header = history.header
    values: dict[str, Any] = {"seed": header.seed, "profile": header.profile, "backend": header.backend}
    for name, value in values.items():
        allure.dynamic.parameter(name, value, excluded=True)


def steps_of(history: History, verdict: Verdict) -> list[Step]:
    """A step for each phase; in it, the faults that were applied then, and the promises about its window."""
    monotonic, unix = history.header.wall_anchor
    phases = [event for event in history.events if isinstance(event, PhaseEvent)]
    ends = [event.t for event in phases[1:]]
    steps = []
    for phase, end in zip(phases, ends, strict=False):
        inner = [_fault_step(e, history) for e in _applied(history) if phase.t <= e.t < end]
        inner += [_promise_step(f, end) for f in verdict.findings if _phase_of(f) == phase.name]
        steps.append(Step(name=f"phase {phase.name}", start=phase.t, stop=end, inner=tuple(inner)))
    last = phases[-1].t if phases else monotonic
    rest = [_promise_step(f, last) for f in verdict.findings if _phase_of(f) == "at rest"]
    if rest:
        steps.append(Step(name="the system at rest", start=last, stop=last, inner=tuple(rest)))
    return [step.at(unix - monotonic) for step in steps]


def _applied(history: History) -> list[FaultEvent]:
    return [event for event in history.events if isinstance(event, FaultEvent) and event.what == "applied"]


def _fault_step(applied: FaultEvent, history: History) -> Step:
    """From the injection to the removal, with each proof as a step in it."""
    own = [e for e in history.events if isinstance(e, FaultEvent) and e.step == applied.step and e.t >= applied.t]
    bad = {"unproven", "unrestored"}
    proofs = tuple(
        Step(name=f"{e.what}: {e.proof}", start=e.t, stop=e.t, status="broken" if e.what in bad else "passed")
        for e in own if e.proof
    )  # fmt: skip
    end = max((e.t for e in own if e.what == "removed"), default=applied.t)
    return Step(name=f"{applied.fault} on {applied.target}", start=applied.t, stop=end, inner=proofs)


def _promise_step(finding: Finding, t: float) -> Step:
    return Step(name=finding.message, start=t, stop=t, status=STATUS[finding.judgement])


def _phase_of(finding: Finding) -> str:
    """The phase that a promise is about."""
    window = where_and_limit(finding.expectation)[0]
    return "recovery" if window == "after" else window


def verdict_lines(verdict: Verdict) -> list[str]:
    """The verdict and every finding behind it, one line each."""
    findings = [f"{finding.judgement:8} {finding.message}" for finding in verdict.findings]
    return [verdict.outcome, *verdict.errors, *findings]


def event_lines(history: History) -> list[str]:
    """Phases and faults, in seconds since the experiment began."""
    start = history.events[0].t if history.events else 0.0
    lines = []
    for event in history.events:
        if isinstance(event, PhaseEvent):
            lines.append(f"{event.t - start:7.2f}s  phase {event.name}")
        elif isinstance(event, FaultEvent):
            lines.append(
                f"{event.t - start:7.2f}s  {event.fault} on {event.target} {event.what} {event.proof}".rstrip()
            )
    return lines
