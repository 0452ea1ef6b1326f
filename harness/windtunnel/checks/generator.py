"""Was the load what the spec asked for? What a generator that did not keep up has measured is unknown, never a pass.

Latency counts from the due time, so it contains the generator's own delay. A limit that held in spite of it held; one
that broke is believed only when it is also broken counted from the moment of sending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from windtunnel.checks.figures import milliseconds, percent
from windtunnel.checks.windows import Spans
from windtunnel.history import LATE, History, LoadEvent, Sample

OWN_TROUBLE: Final = "generator: "
"""How a sample's error begins when the request failed on the generator's side: out of sockets, for instance."""
SENT_AT_LEAST: Final = 0.98
"""Share of the due arrivals that must have been started."""
LATE_AT_MOST: Final = 1.0
"""Seconds. A generator further behind than this at its 99th percentile did not make the load that was asked for."""
STRAYED_AT_MOST: Final = 0.01
"""Share of a window's requests that may have been sent only after the window was over."""
PAUSE: Final = 0.1
"""Seconds after the end of a window in which what was due in it may still be sent: a pause of the machine that short is
no generator that did not keep up, and in a window of two seconds it would be more than 1 %."""


def doubts(history: History, of: Spans) -> list[str]:
    """Why the load of an experiment cannot be trusted; empty when it can."""
    found = dishonest(history)
    baseline = of.windows.get("baseline")
    if baseline and not any(s.outcome == "ok" for s in history.samples if baseline[0] <= s.due < baseline[1]):
        found.append("load: not one request of the baseline succeeded: what the fault changed cannot be seen")
    spans = of.windows.items()
    return found + [line for name, span in spans if (line := strayed(history.samples, f"window {name}", span))]


def dishonest(history: History) -> list[str]:
    """Why the load was not what was asked for; empty when it was."""
    reports = [event for event in history.events if isinstance(event, LoadEvent)]
    if not reports:
        return ["load: the generator left no report"]
    offered, sent = sum(r.offered for r in reports), sum(r.sent for r in reports)
    if not offered or not sent or not history.samples:
        return [f"load: {offered} arrivals were due, {sent} were sent and {len(history.samples)} requests came back"]
    found = []
    if sent < SENT_AT_LEAST * offered:
        found.append(f"load: only {percent(sent / offered)} of {offered} arrivals were sent; at least 98% must be")
    if (behind := max(report.late_p99 for report in reports)) > LATE_AT_MOST:
        share = percent(max(report.late_share for report in reports))
        found.append(f"load: the generator ran late: p99 {milliseconds(behind)} behind, {share} of requests late")
    troubles = [sample.error for sample in history.samples if (sample.error or "").startswith(OWN_TROUBLE)]
    if troubles:
        found.append(f"load: {len(troubles)} requests failed by the generator's own doing: {troubles[0]}")
    return found


def sent_late(samples: Sequence[Sample]) -> float:
    """Share of these that were sent late."""
    return sum(sample.late > LATE for sample in samples) / len(samples) if samples else 0.0


def from_sending(samples: Sequence[Sample]) -> list[Sample]:
    """The same requests as if each had been due when it was sent: without what the generator added."""
    return [replace(sample, due=sample.start) if sample.late > LATE else sample for sample in samples]


def strayed(samples: Sequence[Sample], name: str, span: tuple[float, float]) -> str | None:
    """Why the requests of that span of time were not sent in it; None when they were."""
    start, end = span
    due = [sample for sample in samples if start <= sample.due < end]
    outside = sum(sample.start >= end + PAUSE and sample.late > LATE for sample in due)
    if outside <= STRAYED_AT_MOST * len(due):
        return None
    return f"load: {outside} of {len(due)} requests due in {name} were sent only after it"
