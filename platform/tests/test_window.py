"""The rule that opens a breaker."""

from __future__ import annotations

import threading
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_peer import ManualClock

from resilience.window import FAILED, SLOW, CountWindow, Rates, TimeWindow

HALF = Rates(0.5, 1.0)
MARKS = {".": 0, "F": FAILED, "S": SLOW, "B": FAILED + SLOW}


def add(window, call):
    """As a circuit does: a good call takes the short way where it may."""
    if MARKS[call]:
        window.put(MARKS[call])
    elif (turn := window.good()) is not None:
        window.put(0, turn)


def filled(calls, *, size=10, minimum=1, rates=HALF):
    """A window after these calls: F failed, S slow, B both, a dot good."""
    window = CountWindow(rates, size=size, minimum=minimum)
    for call in calls:
        window.put(MARKS[call])
    return window


@pytest.mark.parametrize(("calls", "over"), [("FFFFF", False), ("FFFFFF", True), (".....F", False), ("", False)])
def test_nothing_opens_below_the_minimum_of_calls(calls, over):
    """Two failures after a start are no trend."""
    assert over is (filled(calls, minimum=6).over() is not None)


def test_good_call_that_completes_the_minimum_can_open():
    """Nine failures and one success are ten calls, of which most failed."""
    window = filled("F" * 9, minimum=10)
    assert window.over() is None
    add(window, ".")

    assert window.over() == "9 of 10 calls failed"


@pytest.mark.parametrize(("calls", "over"), [("F.F.", True), ("F..F.", False)])
def test_a_share_that_is_reached_is_over(calls, over):
    """At or above the rate, as documented."""
    assert over is (filled(calls).over() is not None)


def test_old_calls_are_forgotten():
    """A few failures a day must not add up."""
    assert filled("FFFFF" + "." * 10, size=10).over() is None


def test_mostly_failing_peer_opens_although_some_calls_succeed():
    """Counting failures in a row would never see it."""
    assert filled("FFFF." * 4, size=20, rates=Rates(0.8, 1.0)).over() == "16 of 20 calls failed"


def test_slow_calls_open_too():
    """A peer that answers, but too late to be of use."""
    assert filled("SSS.", rates=Rates(0.5, 0.75)).over() == "3 of 4 calls were slow"


def test_share_is_exact():
    """0.07 * 100 is more than 7 in floating point."""
    assert filled("F" * 7 + "." * 93, size=100, rates=Rates(0.07, 1.0)).over()


@pytest.mark.parametrize(("calls", "lost"), [("FF", True), ("F.", False), ("F", False)])
def test_lost_knows_the_verdict_before_the_window_is_full(calls, lost):
    """Two of three is half or more whatever the third one does."""
    assert lost is (filled(calls, size=3).lost() is not None)


@given(
    st.text("F.SB", max_size=80),
    st.integers(1, 12),
    st.integers(1, 12),
    st.floats(0.01, 1),
    st.floats(0.01, 1),
)
def test_running_counts_agree_with_counting_anew(calls, size, minimum, failure_rate, slow_rate):
    """After each call; the short way of the good ones included."""
    window = CountWindow(Rates(failure_rate, slow_rate), size=size, minimum=minimum)
    last: deque[int] = deque(maxlen=size)
    for call in calls:
        add(window, call)
        last.append(MARKS[call])
        known = len(last) >= min(minimum, size)
        failed, slow = sum(mark & 1 for mark in last), sum(mark >> 1 for mark in last)
        if call != "." or len(last) <= minimum:
            over = known and (failed / len(last) >= failure_rate or slow / len(last) >= slow_rate)
            assert over is (window.over() is not None)


@given(st.lists(st.tuples(st.sampled_from("F.SB"), st.floats(0, 4)), max_size=60), st.integers(1, 8))
def test_time_window_agrees_with_counting_anew(calls, minimum):
    """It holds the calls of the current tenth of the window and of the nine before."""
    clock = ManualClock(0.5)
    window = TimeWindow(HALF, seconds=10, minimum=minimum, clock=clock)
    seen = []
    for call, passed in calls:
        clock.now += passed
        add(window, call)
        seen.append((int(clock.now), MARKS[call]))
        recent = [mark for second, mark in seen if second > int(clock.now) - 10]
        failed, slow = sum(mark & 1 for mark in recent), sum(mark >> 1 for mark in recent)
        over = len(recent) >= minimum and (failed / len(recent) >= 0.5 or slow == len(recent))

        assert over is (window.over() is not None)


def test_good_calls_that_grow_old_leave_the_failures_behind():
    """Time alone can bring a share over its limit: the next call sees it."""
    clock = ManualClock(0.0)
    window = TimeWindow(HALF, seconds=10, minimum=2, clock=clock)
    for call in "......":
        add(window, call)
    clock.now = 5.0
    for call in "FF":
        add(window, call)
    assert window.over() is None
    clock.now = 10.0
    add(window, ".")

    assert window.over() == "2 of 3 calls failed"


def test_mark_of_a_call_that_left_the_window_is_not_put_over_a_newer_one():
    """A thread that was held up between taking its turn and writing it."""
    window = CountWindow(HALF, size=2, minimum=1)
    late = window.good()
    for _ in range(2):
        window.put(FAILED)
    window.put(FAILED)
    window.put(0, late)

    assert window.over() == "2 of 2 calls failed"


def test_eight_threads_of_good_calls_take_every_turn_once():
    """The short way has no lock, and loses nothing: 8000 calls are 8000 turns."""
    window = CountWindow(HALF, size=10000, minimum=10000)
    turns = []

    def work():
        turns.extend([window.good() for _ in range(1000)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(turns) == list(range(8000))
