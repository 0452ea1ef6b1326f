"""What an experiment looks like in the Allure report: its place, its words and its evidence."""

from __future__ import annotations

from pathlib import Path

import allure

from windtunnel.checks.verdict import Verdict
from windtunnel.history import FaultEvent, History, PhaseEvent
from windtunnel.report.timeline import render_timeline
from windtunnel.spec.model import Spec


def describe(spec: Spec) -> None:
    """Title, description and place of the running experiment."""
    allure.dynamic.title(spec.title)
    allure.dynamic.description(spec.description)
    allure.dynamic.severity(spec.severity)
    allure.dynamic.epic("chaos")
    allure.dynamic.feature(", ".join(spec.lost_edges) or ", ".join(s.service for s in spec.method if s.service))
    allure.dynamic.story(", ".join(dict.fromkeys(step.fault for step in spec.method)))
    for tag in spec.tags:
        allure.dynamic.tag(tag)


def show_evidence(history: History, verdict: Verdict, path: Path, logs: dict[str, str]) -> None:
    """Attach everything that a reader needs to believe the verdict, or to doubt it."""
    kinds = allure.attachment_type
    allure.attach(render_timeline(history, verdict), name="timeline", attachment_type=kinds.PNG)
    allure.attach("\n".join(verdict_lines(verdict)), name="verdict", attachment_type=kinds.TEXT)
    allure.attach("\n".join(event_lines(history)), name="what happened when", attachment_type=kinds.TEXT)
    allure.attach.file(str(path), name="history", attachment_type=kinds.TEXT, extension="jsonl")
    for service, text in logs.items():
        allure.attach(text, name=f"log of {service}", attachment_type=kinds.TEXT)


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
