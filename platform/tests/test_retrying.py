"""The retry of plain functions."""

from __future__ import annotations

import pytest
from scripted_peer import ManualClock

from resilience import BreakerOpenError, Budget, BudgetSettings, RetrySettings, deadline_scope, retrying


@pytest.fixture
def clock():
    return ManualClock()


class Flaky:
    """Raises these errors, one a call; then returns what it was given."""

    def __init__(self, *errors):
        self.errors, self.calls = list(errors), 0

    def __call__(self, value=None):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return value


def wrapped(flaky, clock, *, on=OSError, budget=None, **settings):
    return retrying(flaky.__call__, RetrySettings(**settings), on=on, budget=budget, sleep=clock.sleep)


def test_error_that_was_named_is_tried_again(clock):
    """With the same arguments; the waits are drawn from the settings' ranges."""
    flaky = Flaky(OSError(), OSError())

    assert wrapped(flaky, clock)("here") == "here"
    assert flaky.calls == 3
    assert [0 <= wait <= most for wait, most in zip(clock.slept, (0.05, 0.1), strict=True)] == [True, True]


def test_last_error_comes_out_as_it_was(clock):
    """After the agreed number of attempts, without a wait behind the last."""
    errors = [OSError(n) for n in range(5)]
    flaky = Flaky(*errors)
    with pytest.raises(OSError, match="2") as caught:
        wrapped(flaky, clock, attempts=3)()

    assert caught.value is errors[2]
    assert (flaky.calls, len(clock.slept)) == (3, 2)


@pytest.mark.parametrize(
    ("error", "on"),
    [(ValueError(), OSError), (KeyboardInterrupt(), Exception), (BreakerOpenError("open", retry_after=1), Exception)],
    ids=repr,
)
def test_other_error_is_not_tried_again(clock, error, on):
    """Nor what interrupts the program, nor another policy's word."""
    flaky = Flaky(error)
    with pytest.raises(type(error)):
        wrapped(flaky, clock, on=on)()

    assert flaky.calls == 1


def test_nothing_waits_past_the_end_of_a_scope(clock):
    """The wait would be longer than the time that is left."""
    flaky = Flaky(*[ConnectionError()] * 9)
    with deadline_scope(1e-9, clock=clock), pytest.raises(ConnectionError):
        wrapped(flaky, clock, base=1.0, cap=1.0)()

    assert (flaky.calls, clock.slept) == (1, [])


def test_budget_bounds_the_attempts(clock):
    """One bucket for all calls."""
    bucket = Budget(BudgetSettings(tokens=2))
    flaky = Flaky(*[ConnectionError()] * 9)
    call = wrapped(flaky, clock, budget=bucket)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            call()

    assert flaky.calls == 3
    assert bucket.refused == 3
