"""Histograms: what is merged is what all had counted, and no figure is further from the truth than is said."""

import json
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.load.histogram import ERROR, UNIT, Histogram
from windtunnel.load.tally import KINDS_OF_ERROR, Tally

SECONDS = st.floats(0, 0.01) | st.floats(0, 5) | st.floats(0, 100_000)
MANY = st.lists(SECONDS, min_size=1, max_size=200)


def counted(values):
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(MANY, st.floats(0, 1))
def test_a_quantile_is_never_below_the_truth_and_hardly_above(values, share):
    """At most 1/1024 and one microsecond."""
    rank = max(ceil(share * len(values) - 1e-9), 1)
    truth = sorted(values)[rank - 1]

    assert truth <= counted(values).quantile(share) * (1 + 1e-12) + 1e-12
    assert counted(values).quantile(share) <= truth * (1 + ERROR) + UNIT * (1 + 1e-6)


@given(MANY, SECONDS)
def test_the_count_over_a_limit_has_honest_bounds(values, limit):
    """The truth lies between them, and they differ only by values of the limit's own bucket."""
    over = counted(values).over(limit)
    near = [value for value in values if abs(value - limit) <= limit * ERROR + 2 * UNIT]

    assert over.least <= sum(value > limit for value in values) <= over.most
    assert over.most - over.least <= len(near)


@given(st.lists(MANY, max_size=5))
def test_what_is_merged_is_the_histogram_of_all(parts):
    """Whoever counted what, and through whatever wire it came."""
    merged = Histogram()
    for part in parts:
        merged.merge(Histogram.from_plain(json.loads(json.dumps(counted(part).to_plain()))))
    whole = counted([value for part in parts for value in part])

    assert merged == whole
    assert merged.count == whole.count
    assert merged.mean == pytest.approx(whole.mean)
    assert merged.quantile(0.95) == whole.quantile(0.95)


def test_an_empty_histogram_has_no_figures():
    """And is no trouble."""
    empty = Histogram()

    assert (empty.count, empty.mean, empty.quantile(0.5), tuple(empty.over(1)), list(empty.buckets())) == (
        0,
        0,
        0,
        (0, 0),
        [],
    )


def test_buckets_cover_what_was_counted():
    """Each value lies in the one bucket that has counted it."""
    values = [0.0, 0.000_5, 0.002_047, 0.002_048, 0.75, 12.5]
    buckets = list(counted(values).buckets())

    assert [count for _, _, count in buckets] == [1] * 6
    assert all(low <= value + UNIT and value < high for value, (low, high, _) in zip(values, buckets, strict=True))


@pytest.mark.parametrize("plain", [{}, {"total": "1", "buckets": []}, {"total": 1}])
def test_what_is_no_histogram_is_refused(plain):
    """With what it needs."""
    with pytest.raises(ValueError, match="it needs 'total' and 'buckets'"):
        Histogram.from_plain(plain)


def row(route="GET /a", *, took=0.1, late=0.0, outcome="ok", error=None, scenario="s"):
    return [scenario, route, 10.0, 10.0 + late, 10.0 + took, 200, outcome, error, "id"]


def test_a_tally_counts_each_route_apart():
    """Latency counts from the due time, service time from sending."""
    tally = Tally()
    tally.add(row(took=0.3, late=0.2))
    tally.add(row("GET /b", outcome="failed", error="refused"))
    tally.add(row("GET /a", scenario="t"))
    a = tally.of(scenario="s", route="GET /a")

    assert (a.count, tally.of(route="GET /a").count, tally.of(scenario="s").count, tally.of().count) == (1, 2, 2, 3)
    assert (a.latency.mean, a.service.mean) == pytest.approx((0.3, 0.1))
    assert tally.of().outcomes == {"ok": 2, "failed": 1}
    assert tally.of().errors == {"refused": 1}


@given(st.lists(st.tuples(st.sampled_from("abc"), SECONDS, st.sampled_from(["ok", "failed"]), st.integers(0, 3))))
def test_the_tallies_of_several_workers_make_the_tally_of_all(requests):
    """Route by route: histograms, outcomes, errors."""
    whole, merged, parts = Tally(), Tally(), [Tally() for _ in range(4)]
    for route, took, outcome, worker in requests:
        one = row(route, took=took, outcome=outcome, error=None if outcome == "ok" else "timeout")
        whole.add(one)
        parts[worker].add(one)
    for part in parts:
        merged.merge(Tally.from_plain(json.loads(json.dumps(part.to_plain()))))

    assert merged.routes.keys() == whole.routes.keys()
    for key, tally in whole.routes.items():
        assert merged.routes[key].latency == tally.latency
        assert merged.routes[key].service == tally.service
        assert (merged.routes[key].outcomes, merged.routes[key].errors) == (tally.outcomes, tally.errors)


def test_a_system_that_invents_errors_cannot_fill_the_memory():
    """Beyond a number of kinds they count together."""
    tally = Tally()
    for number in range(KINDS_OF_ERROR + 20):
        tally.add(row(outcome="failed", error=f"expectation: id {number}"))

    assert len(tally.of().errors) == KINDS_OF_ERROR + 1
    assert tally.of().errors["other"] == 20
