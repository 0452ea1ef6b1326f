"""The rule that opens a breaker."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.window import Window


def filled(calls, *, size=10, minimum=1, failure_rate=0.5, slow_rate=1.0):
    """A window after these calls: F failed, S slow, anything else good."""
    window = Window(size=size, minimum=minimum, failure_rate=failure_rate, slow_rate=slow_rate)
    for call in calls:
        window.record(failed=call == "F", slow=call == "S")
    return window


@pytest.mark.parametrize(
    ("calls", "expected"),
    [("FFFFF", False), ("FFFFFF", True), (".....F", False), ("", False)],
)
def test_nothing_opens_below_the_minimum_of_calls(calls, expected):
    """Two failures after a start are no trend."""
    assert expected is filled(calls, minimum=6).over()


@pytest.mark.parametrize(("calls", "expected"), [("F.F.", True), ("F..F.", False)])
def test_a_share_that_is_reached_is_over(calls, expected):
    """At or above the rate, as documented."""
    assert expected is filled(calls).over()


def test_old_calls_are_forgotten():
    """A few failures a day must not add up."""
    assert not filled("FFFFF" + "." * 10, size=10).over()


def test_mostly_failing_peer_opens_although_some_calls_succeed():
    """Counting failures in a row would never see it."""
    assert filled("FFFF." * 4, size=20, failure_rate=0.8).over()


def test_slow_calls_open_too():
    """A peer that answers, but too late to be of use."""
    assert filled("SSS.", slow_rate=0.75).over()


def test_share_is_exact():
    """0.07 * 100 is more than 7 in floating point."""
    assert filled("F" * 7 + "." * 93, size=100, failure_rate=0.07).over()


@pytest.mark.parametrize(("calls", "expected"), [("FF", True), ("F.", False), ("F", False)])
def test_lost_knows_the_verdict_before_the_window_is_full(calls, expected):
    """Two of three is half or more whatever the third one does."""
    assert expected is filled(calls, size=3).lost()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60),
    st.integers(1, 12),
    st.integers(1, 12),
    st.floats(0.01, 1),
    st.floats(0.01, 1),
)
def test_running_counts_agree_with_counting_anew(calls, size, minimum, failure_rate, slow_rate):
    """The counters never drift from what is in the window."""
    window = Window(size=size, minimum=minimum, failure_rate=failure_rate, slow_rate=slow_rate)
    for failed, slow in calls:
        window.record(failed=failed, slow=slow)
    last = calls[-size:]
    expected = len(last) >= min(minimum, size) and (
        sum(failed for failed, _ in last) / len(last) >= failure_rate
        or sum(slow for _, slow in last) / len(last) >= slow_rate
    )

    assert expected == window.over()
