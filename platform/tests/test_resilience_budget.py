"""The retry budget: gRPC's token bucket, and what it does to a retry in an outage."""

from __future__ import annotations

import threading
from fractions import Fraction

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from scripted_peer import ManualClock, Peer

from resilience import Budget, BudgetSettings, Retry, RetrySettings, SettingsError


def budget(tokens=10.0, ratio=0.1):
    return Budget(BudgetSettings(tokens=tokens, ratio=ratio))


def retried(peer, bucket, events=None):
    clock = ManualClock()
    settings = RetrySettings(attempts=3, base=0)
    return Retry(peer, settings, budget=bucket, sleep=clock.sleep, name="a->b", events=events)


def request():
    return httpx.Request("GET", "http://peer/")


def test_full_bucket_allows_half_of_it_in_failures():
    """Of ten tokens five: at half, no more."""
    bucket = budget()
    answers = []
    for _ in range(6):
        bucket.failed()
        answers.append(bucket.allows())

    assert answers == [True, True, True, True, False, False]
    assert bucket.refused == 2


def test_successes_fill_it_again_and_never_over_the_brim():
    """Ten of them are worth one failure; credit is not saved without end."""
    bucket = budget()
    for _ in range(10_000):
        bucket.succeeded()
    assert bucket.level == 10
    bucket.failed()
    for _ in range(9):
        bucket.succeeded()
    assert bucket.level == pytest.approx(9.9)
    bucket.succeeded()

    assert bucket.level == 10


def test_outage_multiplies_no_load():
    """A thousand calls of up to three attempts each are little more than a thousand hits."""
    peer = Peer(503)
    chain = retried(peer, budget())
    for _ in range(1000):
        assert chain.handle_request(request()).status_code == 503

    assert peer.calls == 1000 + chain.retries
    assert chain.retries == 3
    assert chain.given_up == 1000


def test_retries_come_back_when_the_peer_does():
    """Sixty-one good calls after an outage lift an empty bucket over its half."""
    outage = 43
    peer = Peer(*[503] * outage, *[200] * 61, 503, 200)
    chain = retried(peer, budget())
    while peer.calls < outage + 61:
        chain.handle_request(request())

    assert chain.handle_request(request()).status_code == 200
    assert peer.calls == outage + 61 + 2


def test_answer_that_is_not_tried_again_is_a_success():
    """A burst of 404s takes no token."""
    bucket = budget()
    chain = retried(Peer(404), bucket)
    for _ in range(50):
        chain.handle_request(request())

    assert bucket.level == 10


def test_exhausted_budget_is_told():
    """Once for each call that it cost an attempt."""
    events = []
    chain = retried(Peer(503), budget(tokens=1), events.append)
    chain.handle_request(request())

    assert [(event.policy, event.kind, event.detail) for event in events] == [
        ("retry", "budget_exhausted", "0 tokens left")
    ]


@pytest.mark.parametrize(
    ("setting", "value"), [("tokens", 0), ("tokens", 5000), ("ratio", 0), ("ratio", 1.5), ("ratio", float("nan"))]
)
def test_setting_out_of_range_is_refused(setting, value):
    """It names itself and its range."""
    with pytest.raises(SettingsError, match=rf"budget\.{setting} is .*; right is a number from"):
        BudgetSettings(**{setting: value})


def test_no_update_is_lost_under_threads():
    """Eight threads take and give; in the end the sum is right to the thousandth."""
    bucket = budget(tokens=1000, ratio=0.1)
    for _ in range(900):
        bucket.failed()

    def work():
        for _ in range(500):
            bucket.succeeded()
        for _ in range(50):
            bucket.failed()
            bucket.allows()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bucket.level == 100 + 8 * (50 - 50)
    assert bucket.refused == 400


class SameAsExactFractions(RuleBasedStateMachine):
    """The bucket against the rule in exact arithmetic."""

    @initialize(tokens=st.integers(1, 20), ratio=st.sampled_from([0.001, 0.1, 0.25, 1.0]))
    def begin(self, tokens, ratio):
        self.bucket = budget(tokens, ratio)
        self.most, self.ratio = Fraction(tokens), Fraction(str(ratio))
        self.left, self.refused = self.most, 0

    @rule(times=st.integers(1, 30))
    def succeed(self, times):
        for _ in range(times):
            self.bucket.succeeded()
            self.left = min(self.most, self.left + self.ratio)

    @rule()
    def fail(self):
        self.bucket.failed()
        self.left = max(Fraction(0), self.left - 1)

    @rule()
    def ask(self):
        expected = self.left > self.most / 2
        self.refused += not expected
        assert self.bucket.allows() is expected

    @invariant()
    def agrees(self):
        assert self.bucket.level == float(self.left)
        assert self.bucket.refused == self.refused


TestSameAsExactFractions = SameAsExactFractions.TestCase
TestSameAsExactFractions.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
