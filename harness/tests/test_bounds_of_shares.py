"""Our Clopper-Pearson bounds are the beta quantiles that scipy computes, and are honest at the edges."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from windtunnel.bounds import lower_bound, samples_needed, upper_bound


@st.composite
def counts(draw, largest=1_000_000):
    """(k, n), with the corners drawn often."""
    n = draw(st.one_of(st.integers(1, 1000), st.integers(1, largest)))
    near = draw(st.integers(0, min(n, 30)))
    return draw(st.sampled_from([near, n - near, draw(st.integers(0, n))])), n


@given(counts())
@settings(deadline=None)
def test_upper_bound_is_scipys_beta_quantile(counted):
    """To nine digits, up to a million samples."""
    k, n = counted
    expected = beta.ppf(0.95, k + 1, n - k) if k < n else 1.0

    assert expected == pytest.approx(upper_bound(k, n), rel=1e-9)


@given(counts())
@settings(deadline=None)
def test_lower_bound_is_scipys_beta_quantile(counted):
    """To nine digits, up to a million samples."""
    k, n = counted
    expected = beta.ppf(0.05, k, n - k + 1) if k else 0.0

    assert expected == pytest.approx(lower_bound(k, n), rel=1e-9)


@given(counts(largest=5000))
@settings(deadline=None)
def test_bounds_enclose_what_was_seen(counted):
    """And mirror each other: over and not over are two names for one thing."""
    k, n = counted

    assert lower_bound(k, n) <= k / n <= upper_bound(k, n)
    assert 1 - lower_bound(n - k, n) == pytest.approx(upper_bound(k, n), rel=1e-9)


@given(st.integers(1, 2000), st.data())
@settings(deadline=None)
def test_more_over_the_limit_never_lowers_a_bound(n, data):
    """One slow request more cannot make a verdict better."""
    k = data.draw(st.integers(0, n - 1))

    assert upper_bound(k, n) < upper_bound(k + 1, n)
    assert lower_bound(k, n) < lower_bound(k + 1, n)


@given(st.floats(0.0005, 0.9))
def test_samples_needed_is_the_fewest_that_pass(q):
    """With none over the limit: that many pass, one fewer does not."""
    n = samples_needed(q)

    assert upper_bound(0, n) <= q * (1 + 1e-9)
    assert n == 1 or upper_bound(0, n - 1) > q * (1 - 1e-9)


@pytest.mark.parametrize(("q", "n"), [(0.01, 299), (0.05, 59), (0.001, 2995), (1.0, 1)])
def test_samples_needed_for_the_usual_limits(q, n):
    """p99, p95, p99.9, and what always holds."""
    assert n == samples_needed(q)


@pytest.mark.parametrize("q", [0.0, -0.1, 1.5])
def test_no_sample_shows_that_something_never_happens(q):
    """Only a count can say `never`."""
    with pytest.raises(ValueError, match="no number of samples"):
        samples_needed(q)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(k, n):
    """Nothing is known from nothing."""
    with pytest.raises(ValueError, match="cannot bound"):
        upper_bound(k, n)
