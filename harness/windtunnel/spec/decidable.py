"""Can a promise be decided at all by the samples that its window will hold?

A promise "at most the share q of requests breaks the limit" passes when the upper confidence bound of the observed
share is at most q. Even with no violation at all that takes 299 requests for p99, 2995 for p99.9 (`windtunnel.bounds`).
"""

from __future__ import annotations

import math

from windtunnel import bounds
from windtunnel.spec.expression import metric_kind, percentile
from windtunnel.spec.model import Expectation, FaultStep, Load, Phases, Window
from windtunnel.units import show_duration


def samples_needed(expectation: Expectation) -> float:
    """The least number of samples with which the promise can pass; infinite when none would do."""
    share = _share(expectation)
    if share is None:
        return 1
    if expectation.op in (">", ">="):
        share = 1 - share  # the mirror image: the lower bound must reach the share
    return bounds.samples_needed(min(share, 1.0)) if share > 0 else math.inf


def window_seconds(window: Window, phases: Phases, method: tuple[FaultStep, ...], stretch: float = 0.0) -> float:
    """How long a window lasts. The fault's is from the first step's beginning to the last one's end.

    The recovered window begins with the stretch that showed the recovery, `stretch` seconds before its phase.
    """
    if window == "baseline":
        return phases.baseline
    if window == "recovered":
        return phases.recovered + stretch
    ends = (phases.fault if step.duration is None else step.at + step.duration for step in method)
    return max(ends) - min(step.at for step in method)


def undecidable(expectation: Expectation, seconds: float, load: Load) -> str | None:
    """Why this promise could not be decided in a window of that length, with the remedy; None when it can be."""
    promise = f"{expectation.metric} {expectation.text}"
    needed = samples_needed(expectation)
    remedy = 'state a count (errors: "<= 1")'
    if math.isinf(needed):
        return f"{promise!r} cannot be decided by any number of samples; {remedy}"
    expected = load.rate * seconds * _weight(expectation.scope, load)
    if round(expected, 6) >= needed:
        return None
    scope = f" of {expectation.scope}" if expectation.scope else ""
    return (
        f"{promise!r} cannot be decided: {show_duration(seconds)} at {load.rate:g}/s give about "
        f"{expected:.0f} samples{scope}, {needed} are needed; lengthen the phase, raise the rate, or {remedy}"
    )


def _share(expectation: Expectation) -> float | None:
    """The share of requests that may break the limit; None for counts and for `max`, which one sample decides."""
    rank = percentile(expectation.metric)
    if rank is not None:
        return round(1 - rank / 100, 9)
    if metric_kind(expectation.metric) != "share":
        return None
    limit = expectation.limit
    # A relative limit is tightest on a spotless baseline, and a spotless baseline is what one hopes for.
    return limit.floor if limit.value is None else limit.value


def _weight(scope: str | None, load: Load) -> float:
    """The scenario's share of arrivals. A route, or everything, gets at least one request an arrival at best."""
    weights = {entry.scenario: entry.weight for entry in load.mix}
    return weights[scope] / sum(weights.values()) if scope in weights else 1.0
