"""The error budget of an objective, and how fast a stage spends it.

An availability of 99.9 % over 30 days leaves one request of a thousand to fail. The *burn rate* is how many times
faster than that requests fail: at 1 the budget lasts exactly the period, at 14.4 an hour spends 2 % of 30 days' budget.
What a stage *spent* is the share of the period's whole budget, if traffic were like the stage's throughout (The Site
Reliability Workbook, 2018, chapter 5).
"""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.history import Sample
from windtunnel.profiles.model import Objective, Stage


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One objective's budget after one stage. Times in seconds, the rest are shares, or multiples of the budget."""

    stage: str
    objective: str
    target: float
    availability: float
    burn_rate: float
    period: float | None
    spent: float | None
    """Of the whole period's budget; None without a period."""
    exhausted_after: float | None
    """Seconds until the whole budget would be gone at this rate; None without a period, or when nothing failed."""


def budget(stage: Stage, objective: Objective, samples: list[Sample]) -> Budget | None:
    """None where the objective promises no availability of everything, or there is no sample."""
    target = objective.target(None)
    if target is None or not samples:
        return None
    failed = sum(sample.outcome != "ok" for sample in samples) / len(samples)
    burn = failed / (1 - target)
    period = objective.period
    return Budget(
        stage=stage.name,
        objective=objective.name,
        target=target,
        availability=1 - failed,
        burn_rate=burn,
        period=period,
        spent=burn * stage.duration / period if period else None,
        exhausted_after=period / burn if period and burn else None,
    )
