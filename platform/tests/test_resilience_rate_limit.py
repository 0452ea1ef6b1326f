"""The client's rate limit."""

from __future__ import annotations

import threading
from fractions import Fraction

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from scripted_peer import ManualClock, Peer

from resilience import Deadline, Pace, RateLimit, RateLimitedError, RateLimitSettings, SettingsError


@pytest.fixture
def clock():
    return ManualClock()


def request():
    return httpx.Request("GET", "http://peer/")


def limited(peer, clock, **values):
    return RateLimit(peer, RateLimitSettings(**values), name="a->b", clock=clock, sleep=clock.sleep)


def test_burst_passes_and_the_next_call_is_told_when_to_come(clock):
    """At four a second the next one fits after a quarter."""
    peer = Peer(200)
    chain = limited(peer, clock, per_second=4, burst=3)
    for _ in range(3):
        chain.handle_request(request())
    with pytest.raises(RateLimitedError, match="4 calls a second are agreed") as caught:
        chain.handle_request(request())

    assert caught.value.retry_after == pytest.approx(0.25)
    assert (peer.calls, chain.pace.refused) == (3, 1)


def test_call_waits_for_its_turn(clock):
    """As long as it is told to, and not for more."""
    chain = limited(Peer(200), clock, per_second=4, max_wait=0.3)
    chain.handle_request(request())
    sent = request()
    chain.handle_request(sent)

    assert clock.slept == pytest.approx([0.25])
    assert sent.extensions["resilience.waited"] == pytest.approx(0.25)
    assert chain.pace.delayed == 1


def test_call_whose_turn_comes_after_its_deadline_is_rejected_now(clock):
    """Waiting would be for nothing, and its turn goes to another one."""
    chain = Deadline(limited(Peer(200), clock, per_second=1, max_wait=60), seconds=0.5, clock=clock)
    chain.handle_request(request())
    with pytest.raises(RateLimitedError):
        chain.handle_request(request())
    clock.now += 1
    chain.handle_request(request())

    assert clock.slept == []


@given(
    st.integers(1, 20),
    st.integers(1, 10),
    st.lists(st.floats(0, 1), min_size=1, max_size=120),
)
def test_no_span_of_time_sees_more_than_the_rate_and_one_burst(per_second, burst, gaps):
    """No border between two windows at which twice the limit could pass."""
    clock, granted = ManualClock(0.0), []
    pace = Pace(per_second=per_second, burst=burst, clock=clock)
    for gap in gaps:
        clock.now += gap
        if pace.reserve(0)[0]:
            granted.append(clock.now)
    for i, start in enumerate(granted):
        for j in range(i, len(granted)):
            assert j - i + 1 <= burst + per_second * (granted[j] - start) + 1e-6


def test_eight_threads_are_granted_the_burst_and_no_more():
    """Time stands still, so the burst is all there is."""
    pace = Pace(per_second=1, burst=100, clock=ManualClock())
    granted = []

    def work():
        granted.extend(pace.reserve(0)[0] for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (sum(granted), pace.refused) == (100, 300)


def test_rejection_is_told(clock):
    """With what was agreed."""
    events = []
    chain = RateLimit(Peer(200), RateLimitSettings(per_second=1), name="a->b", clock=clock, events=events.append)
    chain.handle_request(request())
    with pytest.raises(RateLimitedError):
        chain.handle_request(request())

    assert [(event.policy, event.kind, event.detail) for event in events] == [
        ("rate_limit", "rejected", "1 calls a second are agreed")
    ]


@pytest.mark.parametrize(("setting", "value"), [("per_second", 0), ("burst", 0), ("max_wait", -1), ("burst", 1.5)])
def test_setting_out_of_range_is_refused(setting, value):
    """It names itself and its range."""
    with pytest.raises(SettingsError, match=rf"rate_limit\.{setting} is"):
        RateLimitSettings(**{"per_second": 1, setting: value})


class SameAsATokenBucket(RuleBasedStateMachine):
    """The one number of the algorithm against a bucket of tokens in exact arithmetic (steps of 1/64 s are exact)."""

    @initialize(per_second=st.sampled_from([1, 2, 4, 8]), burst=st.integers(1, 5))
    def begin(self, per_second, burst):
        self.clock = ManualClock(0.0)
        self.pace = Pace(per_second=per_second, burst=burst, clock=self.clock)
        self.rate, self.burst, self.tokens = Fraction(per_second), Fraction(burst), Fraction(burst)
        self.refused = 0

    @rule(steps=st.integers(1, 200))
    def wait(self, steps):
        self.clock.now += steps / 64
        self.tokens = min(self.burst, self.tokens + self.rate * Fraction(steps, 64))

    @rule(patience=st.sampled_from([0.0, 0.0, 0.5, 2.0]))
    def reserve(self, patience):
        expected = max(Fraction(0), (1 - self.tokens) / self.rate)
        granted, wait = self.pace.reserve(patience)
        assert wait == float(expected)
        assert granted is (expected <= patience)
        if granted:
            self.tokens -= 1
        else:
            self.refused += 1

    @invariant()
    def agrees(self):
        assert self.pace.refused == self.refused


TestSameAsATokenBucket = SameAsATokenBucket.TestCase
TestSameAsATokenBucket.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
