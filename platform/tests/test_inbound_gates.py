"""The gates at a service's door, each alone: what they refuse, and what they never refuse."""

import math
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from scripted_peer import ManualClock

from resilience.errors import SettingsError
from resilience.inbound import (
    Arrival,
    ConcurrencyLimit,
    DeadlineGate,
    LimitSettings,
    RateLimit,
    RateLimitSettings,
    require_fit,
)


def arrival(clock, client="a", timeout=None):
    return Arrival(client=client, at=clock(), timeout=timeout)


def statuses(gate, arrivals):
    return [refusal.status if (refusal := gate.enter(one)) else None for one in arrivals]


@pytest.mark.parametrize(
    ("timeout", "waited", "expected"),
    [(None, 0, None), (None, 11, 504), (0.0, 0, 504), (1.0, 0.9, None), (1.0, 1.0, 504), (60.0, 11, 504)],
    ids=["no limit named", "older than the longest", "none left", "in time", "just over", "longest counts"],
)
def test_deadline_refuses_what_has_no_time_left(timeout, waited, expected):
    """504, and counted; the caller's time and the service's longest both count, the smaller one decides."""
    clock = ManualClock()
    gate = DeadlineGate(10, clock)
    request = arrival(clock, timeout=timeout)
    clock.now += waited

    assert statuses(gate, [request]) == [expected]
    assert gate.refused == (expected is not None)


class BucketMachine(RuleBasedStateMachine):
    """The rate limit beside a plain bucket of tokens that is filled as time passes."""

    @initialize(rate=st.floats(0.5, 50), burst=st.integers(1, 6))
    def make(self, rate, burst):
        self.clock = ManualClock()
        self.gate = RateLimit(RateLimitSettings(rate=rate, burst=burst), self.clock)
        self.rate, self.burst, self.tokens, self.refused = rate, burst, {}, 0

    def level(self, client):
        tokens, at = self.tokens.get(client, (self.burst, self.clock.now))
        return min(self.burst, tokens + (self.clock.now - at) * self.rate)

    @rule(client=st.sampled_from("ab"))
    def ask(self, client):
        level = self.level(client)
        refusal = self.gate.enter(arrival(self.clock, client))
        if level >= 1 - 1e-6:
            assert refusal is None
            self.tokens[client] = (level - 1, self.clock.now)
        else:
            assert refusal.status == 429
            assert refusal.retry_after == pytest.approx((1 - level) / self.rate, abs=1e-5)
            self.refused += 1

    @rule(seconds=st.sampled_from([0.001, 0.1, 1.0, 30.0]))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule(client=st.sampled_from("ab"))
    def wait_as_long_as_told(self, client):
        if refusal := self.gate.enter(arrival(self.clock, client)):
            self.refused += 1
            self.clock.now += refusal.retry_after
            assert self.gate.enter(arrival(self.clock, client)) is None
        level = self.level(client)
        self.tokens[client] = (level - 1, self.clock.now)

    @invariant()
    def counts(self):
        if hasattr(self, "gate"):
            assert self.gate.refused == self.refused


TestRateLimitIsABucketOfTokens = BucketMachine.TestCase


@given(st.floats(1, 100), st.integers(1, 20), st.lists(st.floats(0, 0.2), min_size=1, max_size=120))
def test_rate_limit_has_no_border_at_which_more_gets_through(rate, burst, gaps):
    """In any stretch of time at most burst + rate x time requests pass, wherever it begins."""
    clock = ManualClock(0.0)
    gate = RateLimit(RateLimitSettings(rate=rate, burst=burst), clock)
    passed = []
    for gap in gaps:
        clock.now += gap
        if gate.take("a") == 0:
            passed.append(clock.now)

    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + (passed[last] - begin) * rate + 1e-6


def test_rate_limit_forgets_who_was_seen_least_lately():
    """Addresses without end take no memory without end."""
    clock = ManualClock()
    gate = RateLimit(RateLimitSettings(rate=0.001, burst=1, clients=2), clock)

    assert statuses(gate, [arrival(clock, name) for name in "abba"]) == [None, None, 429, 429]
    assert statuses(gate, [arrival(clock, name) for name in "cab"]) == [None, None, None]


def test_rate_limit_admits_no_more_when_eight_threads_ask():
    """The clock stands still, so exactly the burst may pass."""
    gate = RateLimit(RateLimitSettings(rate=1, burst=500), ManualClock())
    passed = in_threads(lambda: sum(gate.take("a") == 0 for _ in range(200)))

    assert sum(passed) == 500
    assert gate.refused == 8 * 200 - 500


class LimitMachine(RuleBasedStateMachine):
    """The concurrency limit beside the same rule in plain numbers."""

    @initialize()
    def make(self):
        self.clock = ManualClock()
        self.gate = ConcurrencyLimit(LimitSettings(minimum=2, initial=4, maximum=8, backoff=0.5, slow_after=1.0))
        self.limit, self.cut_at, self.inside = 4.0, -math.inf, []

    @rule(timeout=st.sampled_from([None, 0.3]))
    def enter(self, timeout):
        request = arrival(self.clock, timeout=timeout)
        refused = self.gate.enter(request)
        if len(self.inside) < int(self.limit):
            assert refused is None
            self.inside.append(request)
        else:
            assert (refused.status, refused.retry_after) == (503, 1)

    @rule(seconds=st.sampled_from([0.1, 0.4, 1.5]))
    def work(self, seconds):
        self.clock.now += seconds

    @rule(data=st.data())
    def leave(self, data):
        if not self.inside:
            return
        request = self.inside.pop(data.draw(st.integers(0, len(self.inside) - 1)))
        took = self.clock.now - request.at
        late = took >= 1.0 or (request.timeout is not None and took >= request.timeout)
        if late and request.at >= self.cut_at:
            self.limit, self.cut_at = max(2.0, self.limit / 2), self.clock.now
        elif not late and (len(self.inside) + 1) * 2 >= self.limit:
            self.limit = min(8.0, self.limit + 1)
        self.gate.leave(request, self.clock.now)

    @invariant()
    def agrees(self):
        if hasattr(self, "gate"):
            assert (self.gate.limit, self.gate.in_flight) == (int(self.limit), len(self.inside))
            assert 2 <= self.gate.limit <= 8


TestConcurrencyLimitIsItsRule = LimitMachine.TestCase


def test_limit_is_cut_once_for_all_that_were_late_together():
    """A pause of the process makes everything in flight late; that is one event, not twenty."""
    clock = ManualClock()
    gate = ConcurrencyLimit(LimitSettings(minimum=1, initial=20, maximum=20, slow_after=1.0))
    requests = [arrival(clock) for _ in range(20)]
    entered = statuses(gate, requests)
    clock.now += 5
    for request in requests:
        gate.leave(request, clock.now)

    assert entered == [None] * 20
    assert (gate.limit, gate.in_flight) == (18, 0)


def test_limit_is_never_exceeded_and_gives_every_slot_back_under_eight_threads():
    """The most at once is the limit; afterwards nobody is inside."""
    clock = ManualClock()
    gate = ConcurrencyLimit(LimitSettings(minimum=3, initial=3, maximum=3))
    inside, most, lock = 0, 0, threading.Lock()

    def work():
        nonlocal inside, most
        for _ in range(300):
            request = arrival(clock)
            if gate.enter(request) is None:
                with lock:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0)  # let somebody else run
                with lock:
                    inside -= 1
                gate.leave(request, clock.now)

    in_threads(work)

    assert most <= 3
    assert gate.in_flight == 0


def in_threads(work, count=8):
    """What each of the threads returned; they begin together."""
    results, barrier = [], threading.Barrier(count)

    def run():
        barrier.wait()
        results.append(work())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count
    return results


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RateLimitSettings(rate=0, burst=1), "rate_limit.rate is 0; right is a number from 0.001"),
        (lambda: RateLimitSettings(rate=1, burst=0), "rate_limit.burst is 0; right is a whole number from 1"),
        (lambda: LimitSettings(minimum=9, maximum=8), "limit.minimum is 9; right is a whole number from 1 to 8"),
        (lambda: LimitSettings(initial=40), "limit.initial is 40; right is a whole number from 8 to 28"),
        (lambda: LimitSettings(backoff=1.0), "limit.backoff is 1.0; right is a number from 0.5 to 0.99"),
        (lambda: require_fit(LimitSettings(), 28), "limit.maximum is 28 with 28 threads; right is at most 27"),
    ],
    ids=["no rate", "no burst", "minimum above maximum", "initial above maximum", "no cut", "takes every thread"],
)
def test_setting_that_makes_no_sense_is_refused(make, message):
    """The message names the setting, its value and what would be right."""
    with pytest.raises(SettingsError, match=message):
        make()
