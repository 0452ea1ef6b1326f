"""Is this run worse than the last one that somebody accepted?

The accepted run's figure, grown by what the profile tolerates, becomes a limit like any other: with p95 accepted at
60 ms and +100 % tolerated, at most 5 % of the requests may take longer than 120 ms, judged with the same exact bounds.
What another machine has measured, or another load, is no measure: it is said, and not compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from windtunnel.checks.count import Count
from windtunnel.checks.criterion import Criterion
from windtunnel.checks.figures import milliseconds, percent, quantile, share_allowed
from windtunnel.checks.verdict import Finding
from windtunnel.history import History, Sample
from windtunnel.profiles.model import Profile, Tolerance
from windtunnel.profiles.spans import stage_spans
from windtunnel.spec.plain import to_plain

FIGURES = ("p50", "p95", "p99")


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What was accepted, when, and where it was measured. Latencies in seconds, by stage and figure."""

    profile: str
    load: str
    """The key of the load that was driven (see `load_key`)."""
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    commit: str
    accepted_unix: float
    stages: Mapping[str, Mapping[str, float]]


def load_key(profile: Profile) -> str:
    """The same for two profiles that drive the same load, whatever they promise."""
    stages = [(stage.name, stage.duration, stage.start, stage.end) for stage in profile.stages]
    parts = [profile.arrival, profile.timeout, to_plain(profile.mix), stages, to_plain(profile.faults)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def figures_to_accept(history: History, profile: Profile) -> dict[str, dict[str, float]]:
    """Of every judged stage."""
    of = stage_spans(history, profile)
    found = {}
    for stage in profile.stages:
        latencies = sorted(sample.latency for sample in of.select(history.samples, stage.name))
        if stage.slo and latencies:
            found[stage.name] = {name: round(quantile(latencies, share_allowed(name)), 6) for name in FIGURES}
    return found


def incomparable(accepted: Accepted, profile: Profile, machine: Mapping[str, str]) -> str | None:
    """Why this run cannot be compared with the accepted one; None when it can."""
    other = [
        f"{name} {accepted.machine.get(name)!r}" for name in machine if accepted.machine.get(name) != machine[name]
    ]
    if other:
        return f"not compared: accepted on another machine ({', '.join(other)})"
    if accepted.load != load_key(profile):
        return "not compared: another load was accepted; accept a run of this one"
    return None


def judge_regression(accepted: Accepted, history: History, profile: Profile) -> list[Finding]:
    """A finding for each tolerance and judged stage that both runs have."""
    of = stage_spans(history, profile)
    found = []
    for stage, figures in accepted.stages.items():
        samples = of.select(history.samples, stage) if stage in of.stages else []
        found += [_judge(stage, one, figures[one.metric], samples) for one in profile.regression if samples]
    return found


def _judge(stage: str, tolerance: Tolerance, accepted: float, samples: Sequence[Sample]) -> Finding:
    limit, over = accepted * (1 + tolerance.growth), share_allowed(tolerance.metric)
    value = quantile(sorted(sample.latency for sample in samples), over)
    rule = Criterion(counted=lambda sample: sample.latency > limit, op="<=", bound=over, exact=False)
    count = Count(
        name=f"{stage} {tolerance.metric} <= accepted + {percent(tolerance.growth)}",
        rule=rule,
        value=value,
        shown=milliseconds(value),
        k=sum(map(rule.counted, samples)),
        n=len(samples),
        of_outcomes=False,
        limit=f"{milliseconds(limit)} (accepted {milliseconds(accepted)})",
    )
    return count.finding(samples)
