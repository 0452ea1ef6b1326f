"""When arrivals are due, and what each of them does: a function of plan and seed alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, count
from random import Random
from typing import NamedTuple

from windtunnel.load.model import LoadPlan


class Arrival(NamedTuple):
    """One visitor who is due."""

    ordinal: int
    """Counts from 0."""
    due: float
    """Monotonic seconds."""
    scenario: str


def arrivals(plan: LoadPlan, start: float) -> Iterator[Arrival]:
    """Every arrival from `start` on, without end, in order of due time. The same seed gives the same sequence."""
    rng = Random(plan.seed)
    names = [entry.scenario for entry in plan.mix]
    bounds = list(accumulate(entry.weight for entry in plan.mix))
    due = start
    for ordinal in count():
        # Multiplied, not added up: a sum of rounded gaps would drift away from the rate.
        due = due + rng.expovariate(plan.rate) if plan.arrival == "poisson" else start + ordinal / plan.rate
        yield Arrival(ordinal, due, rng.choices(names, cum_weights=bounds)[0])


def choices_of(seed: int, ordinal: int) -> Random:
    """The random numbers of one arrival: its own, so that they do not depend on how arrivals interleave."""
    return Random(f"{seed}/{ordinal}")
