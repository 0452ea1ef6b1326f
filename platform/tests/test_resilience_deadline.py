"""The deadline, alone and from hop to hop."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_peer import ManualClock, Peer

from resilience import (
    REQUEST_TIMEOUT_HEADER,
    Deadline,
    DeadlineExceededError,
    EdgePolicy,
    RetrySettings,
    deadline_scope,
    inbound_timeout,
    protect,
    time_left,
)


@pytest.fixture
def clock():
    return ManualClock()


def request(method="GET", **kwargs):
    return httpx.Request(method, "http://peer/", **kwargs)


def stamped(peer, clock, seconds, **kwargs):
    """An edge with a deadline of so many seconds and nothing else."""
    policy = EdgePolicy(deadline=seconds, retry=None, breaker=None)
    return protect(peer, policy, name="a->b", clock=clock, sleep=clock.sleep, **kwargs)


def test_next_hop_learns_the_time_left(clock):
    """Whole milliseconds."""
    sent = request()
    stamped(Peer(200), clock, 1.5).handle_request(sent)

    assert sent.headers[REQUEST_TIMEOUT_HEADER] == "1500"


def test_header_shrinks_with_every_attempt(clock):
    """The second attempt has only what the first one and the wait left over."""
    seen = []

    def slow_failure(sent):
        seen.append(int(sent.headers[REQUEST_TIMEOUT_HEADER]))
        clock.now += 0.3
        return httpx.Response(503)

    policy = EdgePolicy(deadline=1.0, retry=RetrySettings(attempts=3, base=0), breaker=None)
    edge = protect(Peer(slow_failure), policy, name="e", clock=clock, sleep=clock.sleep)
    edge.handle_request(request())

    assert seen == pytest.approx([1000, 700, 400], abs=1)


@pytest.mark.parametrize(("inbound", "own", "expected"), [(0.4, 1.0, 400), (5.0, 1.0, 1000), (None, 1.0, 1000)])
def test_nested_call_takes_the_smaller_time(clock, inbound, own, expected):
    """What the caller still waits, or what the edge allows."""
    sent = request()
    with deadline_scope(inbound, clock=clock):
        stamped(Peer(200), clock, own).handle_request(sent)

    assert int(sent.headers[REQUEST_TIMEOUT_HEADER]) == pytest.approx(expected, abs=1)


def test_inner_scope_cannot_lengthen_the_outer_one(clock):
    """And the outer one is back when the inner one ends."""
    with deadline_scope(1.0, clock=clock):
        with deadline_scope(9.0, clock=clock):
            assert time_left() == pytest.approx(1.0)
        with deadline_scope(0.2, clock=clock):
            assert time_left() == pytest.approx(0.2)
        assert time_left() == pytest.approx(1.0)
    assert time_left() is None


def test_call_that_is_late_already_is_not_sent(clock):
    """The caller has gone; work for it would be wasted."""
    peer = Peer(200)
    with deadline_scope(0.0, clock=clock), pytest.raises(DeadlineExceededError):
        stamped(peer, clock, 1.0).handle_request(request())

    assert peer.calls == 0


def test_edge_without_a_deadline_ignores_the_scope(clock):
    """Switched off means off."""
    sent = request()
    with deadline_scope(0.0, clock=clock):
        answer = stamped(Peer(200), clock, None).handle_request(sent)

    assert answer.status_code == 200
    assert REQUEST_TIMEOUT_HEADER not in sent.headers


def test_timeout_before_the_deadline_stays_what_it_is(clock):
    """The caller's own shorter timeout is not the deadline."""
    with pytest.raises(httpx.ReadTimeout):
        Deadline(Peer(httpx.ReadTimeout("slow")), seconds=5, clock=clock).handle_request(request())


def test_error_names_the_edge_and_the_limit(clock):
    """Where, and what the limit was."""

    def hang(_):
        clock.now += 2
        raise httpx.ReadTimeout("cut")

    with pytest.raises(DeadlineExceededError, match=r"a->b: not done in time \(2 s at most\)"):
        stamped(Peer(hang), clock, 2.0).handle_request(request())


def test_request_that_is_sent_twice_gets_its_time_twice(clock):
    """Nothing of the first call's deadline sticks to the request."""
    sent = request()
    edge = stamped(Peer(200), clock, 1.0)
    edge.handle_request(sent)
    clock.now += 50
    edge.handle_request(sent)

    assert sent.headers[REQUEST_TIMEOUT_HEADER] == "1000"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("1500", 1.5),
        (" 20 ", 0.02),
        ("0", 0.0),
        (None, None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u0663", None),
        ("9" * 13, None),
    ],
)
def test_inbound_timeout_reads_milliseconds_and_ignores_garbage(header, expected):
    """A header from outside can be anything."""
    assert expected == inbound_timeout(header)


@settings(deadline=None)
@given(st.text())
def test_inbound_timeout_never_fails(text):
    """Whatever a peer sends."""
    seconds = inbound_timeout(text)

    assert seconds is None or 0 <= seconds < 1e9
