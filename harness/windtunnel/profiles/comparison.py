"""Is one version slower than another? Both drive the same load profile, turn by turn, on the same machine.

What a machine adds to one run it adds, more or less, to the other of the same round: a round's figures are divided,
head by base, and the ratios of all rounds are judged. Their median lies, with 95 % confidence at least, between the
k-th smallest and the k-th largest of them, whatever their distribution; k is the largest for which a fair coin thrown
once a round shows fewer than k heads, or fewer than k tails, with a probability of 5 % at most (the confidence interval
of the sign test; Hahn and Meeker, *Statistical Intervals*, 1991, chapter 5). Fewer than six rounds give none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, inf
from statistics import median
from typing import Final, Literal

from windtunnel.bounds import lower_bound, upper_bound
from windtunnel.checks.figures import quantile, share_allowed
from windtunnel.history import History
from windtunnel.profiles.model import Profile
from windtunnel.profiles.spans import stage_spans

CONFIDENCE: Final = 0.95
LEAST_ROUNDS: Final = 6
METRICS: Final = ("p50", "p95")

Judgement = Literal["better", "same", "worse", "undecided"]


@dataclass(frozen=True, kw_only=True)
class StageFigures:
    """What one run measured in one judged stage. Latencies in seconds, from the due time."""

    latencies: Mapping[str, float]
    samples: int
    failed: int


Measured = Mapping[str, StageFigures]
"""By stage."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One figure of one stage, head beside base. Of a latency, `low` and `high` enclose the ratio's true median."""

    name: str
    base: float
    head: float
    ratio: float | None
    low: float | None
    high: float | None
    judgement: Judgement


def figures_of_run(history: History, profile: Profile) -> Measured:
    """Of every stage that promises something, or of all where none does."""
    of = stage_spans(history, profile)
    judged = [stage.name for stage in profile.stages if stage.slo] or [stage.name for stage in profile.stages]
    found = {}
    for stage, samples in of.by_stage(history.samples).items():
        if stage in judged and samples:
            ordered = sorted(sample.latency for sample in samples)
            found[stage] = StageFigures(
                latencies={name: quantile(ordered, share_allowed(name)) for name in METRICS},
                samples=len(samples),
                failed=sum(sample.outcome != "ok" for sample in samples),
            )
    return found


def compare(base: Sequence[Measured], head: Sequence[Measured], tolerance: float) -> list[Comparison]:
    """Round by round, in the same order. `tolerance`: 0.1 lets a latency grow by a tenth. Raises ValueError for fewer
    than `LEAST_ROUNDS`.
    """
    if len(base) != len(head) or len(base) < LEAST_ROUNDS:
        raise ValueError(f"a comparison takes {LEAST_ROUNDS} rounds at least, each of both versions")
    stages = [stage for stage in base[0] if all(stage in run for run in (*base, *head))]
    found = [_latency(stage, metric, base, head, tolerance) for stage in stages for metric in METRICS]
    return found + [_errors(stage, base, head) for stage in stages]


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """The bounds of the median. Raises ValueError when there are too few for the confidence."""
    n, ordered = len(ratios), sorted(ratios)
    k = max((k for k in range(1, n + 1) if _beyond(k, n) <= 1 - CONFIDENCE), default=0)
    if k == 0:
        raise ValueError(f"{n} ratios bound nothing with {CONFIDENCE:.0%} confidence")
    return ordered[k - 1], ordered[n - k]


def _beyond(k: int, n: int) -> float:
    """The probability that the true median lies below the k-th smallest of n, or above the k-th largest."""
    return float(2 * sum(comb(n, heads) for heads in range(k)) / 2**n)


def _latency(
    stage: str, metric: str, base: Sequence[Measured], head: Sequence[Measured], tolerance: float
) -> Comparison:
    before, after = ([run[stage].latencies[metric] for run in runs] for runs in (base, head))
    ratios = [new / old if old else inf for old, new in zip(before, after, strict=True)]
    low, high = interval(ratios)
    judgement: Judgement = "undecided"
    if low > 1 + tolerance:
        judgement = "worse"
    elif high < 1:
        judgement = "better"
    elif high <= 1 + tolerance:
        judgement = "same"
    name = f"{stage} {metric}"
    return Comparison(
        name=name,
        base=median(before),
        head=median(after),
        ratio=median(ratios),
        low=low,
        high=high,
        judgement=judgement,
    )


def _errors(stage: str, base: Sequence[Measured], head: Sequence[Measured]) -> Comparison:
    """All rounds together: worse where the two shares exclude each other, each with 95 % confidence."""
    (k, n), (worse_k, worse_n) = (
        (sum(run[stage].failed for run in runs), sum(run[stage].samples for run in runs)) for runs in (base, head)
    )
    judgement: Judgement = "same"
    if lower_bound(worse_k, worse_n) > upper_bound(k, n):
        judgement = "worse"
    elif upper_bound(worse_k, worse_n) < lower_bound(k, n):
        judgement = "better"
    return Comparison(
        name=f"{stage} errors", base=k / n, head=worse_k / worse_n, ratio=None, low=None, high=None, judgement=judgement
    )
