"""When arrivals are due, and what each of them does: a function of plan and seed alone."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import NamedTuple

from windtunnel.load.model import LoadPlan


class Arrival(NamedTuple):
    """One visitor who is due."""

    ordinal: int
    """Counts from 0, over the whole plan, whoever sends it."""
    due: float
    """Monotonic seconds."""
    scenario: str


def arrivals(plan: LoadPlan, start: float, *, share: tuple[int, int] = (0, 1)) -> Iterator[Arrival]:
    """The arrivals from `start` on, in order of due time. The same seed gives the same sequence.

    `share` (k, n) is what the k-th of n generators sends: every n-th arrival of the one sequence, from the k-th on. So
    the shares together are the plan, exactly.
    """
    names = [entry.scenario for entry in plan.mix]
    bounds = list(accumulate(entry.weight for entry in plan.mix))
    # Its own numbers: when arrivals are due does not depend on what they do.
    total, last, roll = bounds[-1], len(bounds) - 1, Random(f"{plan.seed}/mix").random
    mine, of = share
    for ordinal, offset in enumerate(plan.schedule.offsets(plan.seed)):
        scenario = names[bisect(bounds, roll() * total, 0, last)]
        if ordinal % of == mine:
            yield Arrival(ordinal, start + offset, scenario)


def choices_of(seed: int, ordinal: int) -> Random:
    """The random numbers of one arrival: its own, so that they do not depend on how arrivals interleave."""
    return Random(f"{seed}/{ordinal}")
