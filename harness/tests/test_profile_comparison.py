"""One version beside another: the ratio of their figures, and what can be said of it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.profiles.comparison import StageFigures, compare, interval


def runs(p95, failed=0, samples=1000):
    return [
        {"steady": StageFigures(latencies={"p50": value / 2, "p95": value}, samples=samples, failed=failed)}
        for value in p95
    ]


BASE = [0.020, 0.021, 0.019, 0.020, 0.022, 0.020]


@pytest.mark.parametrize(
    ("head", "judgement"),
    [
        ([value * 1.5 for value in BASE], "worse"),
        ([value * 1.05 for value in BASE], "same"),
        ([value * 0.7 for value in BASE], "better"),
        ([0.020, 0.035, 0.019, 0.020, 0.022, 0.020], "undecided"),
    ],
)
def test_latency_is_judged_by_the_interval_of_its_ratio(head, judgement):
    """With a tenth tolerated; an interval on both sides of what is tolerated decides nothing."""
    found = {one.name: one for one in compare(runs(BASE), runs(head), 0.1)}

    assert found["steady p95"].judgement == found["steady p50"].judgement == judgement
    assert found["steady p95"].low <= found["steady p95"].ratio <= found["steady p95"].high


def test_a_machine_that_slows_down_slows_both():
    """What both halves of a round have in common cancels out."""
    drifting = [value * (1 + number) for number, value in enumerate(BASE)]

    found = compare(runs(drifting), runs([value * 1.02 for value in drifting]), 0.1)

    assert [one.judgement for one in found] == ["same", "same", "same"]


@pytest.mark.parametrize(
    ("before", "after", "judgement"), [(0, 0, "same"), (0, 20, "worse"), (20, 0, "better"), (5, 6, "same")]
)
def test_errors_are_worse_where_both_shares_exclude_each_other(before, after, judgement):
    """Of all rounds together."""
    found = compare(runs(BASE, failed=before), runs(BASE, failed=after), 0.1)

    assert found[-1].name == "steady errors"
    assert found[-1].judgement == judgement


@given(st.lists(st.floats(0.1, 10), min_size=6, max_size=40))
def test_the_interval_encloses_the_median_of_what_was_seen(ratios):
    """And is made of ratios that were seen."""
    low, high = interval(ratios)

    assert {low, high} <= set(ratios)
    assert low <= sorted(ratios)[len(ratios) // 2] <= high


@pytest.mark.parametrize("rounds", [6, 9, 12])
def test_the_interval_holds_the_true_median_as_often_as_it_says(rounds):
    """2,000 times drawn from a skewed distribution whose median is 1: at least 95 % less three standard errors."""
    rng = random.Random(rounds)
    hits = 0
    for _ in range(2000):
        low, high = interval([rng.lognormvariate(0, 0.5) for _ in range(rounds)])
        hits += low <= 1 <= high

    assert hits / 2000 >= 0.95 - 0.015


def test_five_rounds_are_too_few():
    """No interval of five has that confidence."""
    with pytest.raises(ValueError, match="6 rounds at least"):
        compare(runs(BASE[:5]), runs(BASE[:5]), 0.1)
    with pytest.raises(ValueError, match="5 ratios bound nothing"):
        interval(BASE[:5])
