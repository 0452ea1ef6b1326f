"""Waiting for a condition: with a limit, and without taking the processors from what is waited for."""

import itertools

import pytest

from windtunnel.faults.patience import POLL, REST, Patience


class Looks:
    """A condition that takes its time, on a clock that stands still otherwise."""

    def __init__(self, takes, true_at):
        self.now, self.takes, self.left, self.pauses = 0.0, takes, true_at, []
        self.patience = Patience(clock=lambda: self.now, pause=self.pause)

    def __call__(self):
        self.now += self.takes
        self.left -= 1
        return self.left <= 0

    def pause(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


def test_quick_looks_follow_one_another_quickly():
    """What is over is seen within a hundredth of a second."""
    looks = Looks(takes=0.0, true_at=4)

    assert looks.patience.until(looks, 1.0)
    assert looks.pauses == [POLL] * 3


def test_looks_that_cost_take_at_most_a_fifth_of_the_time():
    """Each is followed by a rest of several times its length."""
    looks = Looks(takes=0.05, true_at=3)

    assert looks.patience.until(looks, 10.0)
    assert looks.pauses == pytest.approx([REST * 0.05] * 2)


def test_patience_ends_though_each_look_is_slow():
    """Tried at least once; over at the limit, give or take one look and its rest."""
    looks = Looks(takes=0.5, true_at=10**9)

    assert not looks.patience.until(looks, 3.0)
    assert 3.0 <= looks.now <= 3.0 + (1 + REST) * 0.5
    assert not Patience(clock=itertools.count().__next__, pause=lambda _: None).until(lambda: False, 0)
