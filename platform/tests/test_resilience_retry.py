"""The retry: what is tried again, when, and what comes out in the end."""

from __future__ import annotations

import random
from contextlib import suppress

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_peer import ManualClock, Peer, ScriptedServer, refused_url, says, sends

from resilience import (
    BreakerOpenError,
    Deadline,
    EdgePolicy,
    Retry,
    RetrySettings,
    attempts_made,
    client,
    may_have_been_sent,
    never_sent,
    protect,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
KEY = {"Idempotency-Key": "k-1"}
NO_WAIT = EdgePolicy(deadline=20, retry=RetrySettings(attempts=2, base=0), breaker=None)


@pytest.fixture
def clock():
    return ManualClock()


def request(method="GET", **kwargs):
    return httpx.Request(method, "http://peer/", **kwargs)


def retried(peer, clock, *, deadline=None, rng=None, **settings):
    """A retry, with a deadline around it when one is given."""
    chain = Retry(peer, RetrySettings(**settings), sleep=clock.sleep, rng=rng, wall=clock)
    return chain if deadline is None else Deadline(chain, seconds=deadline, clock=clock)


class Highest(random.Random):
    """Draws the end of every range."""

    def uniform(self, a, b):
        return b


class Held(httpx.SyncByteStream):
    """A body that holds a connection until it is closed."""

    def __init__(self, body=b"later", error=None):
        self.body, self.error, self.closed = body, error, False

    def __iter__(self):
        yield self.body
        if self.error:
            raise self.error

    def close(self):
        self.closed = True


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_status_that_says_later_is_tried_again(clock, status):
    """And the good answer is the call's answer."""
    peer = Peer(status, 200)

    assert retried(peer, clock).handle_request(request()).status_code == 200
    assert peer.calls == 2


@pytest.mark.parametrize("status", [200, 301, 400, 404, 409, 422, 500, 501, 505])
def test_other_status_is_an_answer(clock, status):
    """Asking again would bring the same."""
    peer = Peer(status)
    retried(peer, clock).handle_request(request())

    assert peer.calls == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "get"])
def test_idempotent_method_is_tried_again(clock, method):
    """RFC 9110, 9.2.2."""
    peer = Peer(httpx.ReadError("reset"), 200)
    retried(peer, clock).handle_request(request(method))

    assert peer.calls == 2


@pytest.mark.parametrize("failure", [503, httpx.ReadError("reset"), httpx.ReadTimeout("slow")], ids=str)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_write_without_a_key_is_not_sent_twice(clock, method, failure):
    """It may have been done: a second one could charge twice."""
    peer = Peer(failure, 200)
    with suppress(httpx.TransportError):
        retried(peer, clock).handle_request(request(method))

    assert peer.calls == 1


def test_write_with_a_key_is_tried_again_with_the_same_key(clock):
    """The key makes both attempts the same charge."""
    keys = []

    def lost(sent):
        keys.append(sent.headers["Idempotency-Key"])
        raise httpx.ReadError("reset")

    with pytest.raises(httpx.ReadError):
        retried(Peer(lost), clock, attempts=2).handle_request(request("POST", headers=KEY))

    assert keys == ["k-1", "k-1"]


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full")], ids=repr
)
def test_write_that_was_never_sent_is_tried_again(clock, failure):
    """Nothing can have been done."""
    peer = Peer(failure, 201)

    assert retried(peer, clock).handle_request(request("POST", json={"a": 1})).status_code == 201


def test_body_is_sent_whole_every_time(clock):
    """Not empty and not half on the second attempt."""
    peer = Peer(503, 503, 200)
    retried(peer, clock).handle_request(request("PUT", json={"a": 1}))

    assert len(set(peer.bodies)) == 1
    assert peer.bodies[2] == b'{"a":1}'


def test_streamed_body_is_not_sent_again(clock):
    """It has been used up; the real answer comes out instead of httpx's StreamConsumed."""
    peer = Peer(503, 200)
    answer = retried(peer, clock).handle_request(request("PUT", content=iter([b"a", b"b"])))

    assert (answer.status_code, peer.calls) == (503, 1)


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_attempts_count_the_first_one_and_no_wait_follows_the_last(clock, attempts):
    """A permanent failure ends after exactly that many, with the last real answer."""
    peer = Peer(503)
    answer = retried(peer, clock, attempts=attempts).handle_request(request())

    assert (503, attempts, attempts - 1) == (answer.status_code, peer.calls, len(clock.slept))


def test_last_real_error_comes_out_as_it_was(clock):
    """No wrapper hides it."""
    last = httpx.ReadError("the last one")
    with pytest.raises(httpx.ReadError) as caught:
        retried(Peer(503, httpx.ConnectError("x"), last), clock, attempts=3).handle_request(request())

    assert caught.value is last


def test_error_of_our_own_is_not_tried_again(clock):
    """A request that cannot be sent now cannot be sent later."""
    peer = Peer(httpx.UnsupportedProtocol("ftp"))
    with pytest.raises(httpx.UnsupportedProtocol):
        retried(peer, clock).handle_request(request())

    assert peer.calls == 1


def test_rejection_of_a_breaker_is_not_tried_again(clock):
    """It has to stay quick."""
    peer = Peer(BreakerOpenError("open", retry_after=1))
    with pytest.raises(BreakerOpenError):
        retried(peer, clock).handle_request(request())

    assert (peer.calls, clock.slept) == (1, [])


def test_real_failure_is_reported_rather_than_the_rejection_after_it(clock):
    """The breaker opened on this call's own failure: the failure is the news."""
    peer = Peer(httpx.Response(503, json={"why": "maintenance"}), BreakerOpenError("open", retry_after=1))
    answer = retried(peer, clock).handle_request(request())

    assert (answer.status_code, _read(answer)) == (503, {"why": "maintenance"})


def _read(answer):
    answer.read()
    return answer.json()


def test_waits_double_up_to_the_cap(clock):
    """The widest wait of each attempt."""
    retried(Peer(503), clock, rng=Highest(), attempts=6, base=0.1, cap=0.5).handle_request(request())

    assert clock.slept == pytest.approx([0.1, 0.2, 0.4, 0.5, 0.5])


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 90), st.floats(0.001, 1), st.floats(1, 60))
def test_every_wait_is_within_its_range(seed, attempts, base, cap):
    """Full jitter: from 0 to min(cap, base * 2^n)."""
    clock = ManualClock()
    retried(Peer(503), clock, rng=random.Random(seed), attempts=attempts, base=base, cap=cap).handle_request(request())

    assert all(0 <= wait <= min(cap, base * 2**n) for n, wait in enumerate(clock.slept))


def test_jitter_is_kept_at_the_cap(clock):
    """A crowd that failed together must not come back together: the waits spread over the whole range."""
    retried(Peer(503), clock, rng=random.Random(7), attempts=100, base=1, cap=1).handle_request(request())
    at_cap = [wait for wait in clock.slept if wait > 0.99]

    assert len(at_cap) < 10
    assert min(clock.slept) < 0.1
    assert 0.4 < sum(clock.slept) / len(clock.slept) < 0.6


def test_concurrent_calls_do_not_share_their_back_off(clock):
    """The second call begins with the short wait again."""
    chain = retried(Peer(503), clock, rng=Highest(), attempts=3, base=0.1)
    chain.handle_request(request())
    chain.handle_request(request())

    assert clock.slept == pytest.approx([0.1, 0.2, 0.1, 0.2])


def test_unlimited_attempts_end_at_the_deadline(clock):
    """Also after thousands of them: the wait does not overflow, and none starts too late."""
    starts = []

    def fail(_):
        starts.append(clock.now)
        clock.now += 0.01
        return httpx.Response(503)

    began = clock.now
    retried(Peer(fail), clock, deadline=30, attempts=None, base=0, cap=0).handle_request(request())

    assert len(starts) > 1100
    assert max(starts) < began + 30


@settings(deadline=None)
@given(
    st.floats(0.05, 5),
    st.lists(st.floats(0, 1), min_size=1, max_size=8),
    st.integers(0, 2**32),
    st.sampled_from([None, "0", "1", "3", "junk"]),
)
def test_nothing_starts_or_waits_past_the_deadline(deadline, durations, seed, retry_after):
    """Whatever the attempts take and the peer asks for."""
    clock, starts, left = ManualClock(), [], list(durations)
    end = clock.now + deadline

    def fail(_):
        starts.append(clock.now)
        # The wire cuts an attempt at the deadline.
        clock.now = min(end, clock.now + (left.pop() if left else 0.3))
        return httpx.Response(503, headers={} if retry_after is None else {"Retry-After": retry_after})

    chain = retried(Peer(fail), clock, deadline=deadline, rng=random.Random(seed), attempts=20, base=0.2)
    answer = chain.handle_request(request())

    assert answer.status_code == 503
    assert all(start < end for start in starts)
    assert clock.now <= end


def test_sleep_that_takes_too_long_starts_no_late_attempt(clock):
    """A loaded machine wakes threads late; the real failure comes out."""
    peer = Peer(httpx.Response(503, json={"n": 1}), 200)

    def oversleep(seconds):
        clock.now += seconds + 5

    chain = Deadline(Retry(peer, RetrySettings(), sleep=oversleep), seconds=1, clock=clock)
    answer = chain.handle_request(request())

    assert (answer.status_code, peer.calls, _read(answer)) == (503, 1, {"n": 1})


def test_retry_after_is_honoured(clock):
    """At least what was asked, plus the jitter, so that all the others do not come back in that instant too."""
    peer = Peer(httpx.Response(503, headers={"Retry-After": "2"}), 200)
    retried(peer, clock, rng=Highest(), base=0.1).handle_request(request())

    assert clock.slept == pytest.approx([2.1])


@pytest.mark.parametrize("value", ["60", "9" * 400, "Wed, 01 Jan 2200 00:00:00 GMT"])
@pytest.mark.parametrize("deadline", [None, 1.0], ids=["no deadline", "deadline"])
def test_retry_after_that_is_too_long_ends_the_call_at_once(clock, value, deadline):
    """Neither a sleep of hours nor an attempt earlier than asked."""
    peer = Peer(httpx.Response(429, headers={"Retry-After": value}))
    answer = retried(peer, clock, deadline=deadline).handle_request(request())

    assert (answer.status_code, peer.calls, clock.slept) == (429, 1, [])


@pytest.mark.parametrize("value", ["-1", "soon", ""])
def test_garbage_in_retry_after_falls_back_to_the_back_off(clock, value):
    """As if it were not there."""
    peer = Peer(httpx.Response(503, headers={"Retry-After": value}), 200)
    retried(peer, clock, rng=Highest(), base=0.1).handle_request(request())

    assert clock.slept == pytest.approx([0.1])


def test_failed_answers_give_their_connections_back(clock):
    """Else many 503s would use up the pool."""
    bodies = [Held(), Held()]
    peer = Peer(*(httpx.Response(503, stream=body) for body in bodies), 200)
    retried(peer, clock).handle_request(request())

    assert [body.closed for body in bodies] == [True, True]


def test_broken_body_of_a_failure_is_a_failure_too(clock):
    """Reading the 503's body fails: closed, and tried again."""
    body = Held(error=httpx.ReadError("reset"))
    answer = retried(Peer(httpx.Response(503, stream=body), 200), clock).handle_request(request())

    assert (answer.status_code, body.closed) == (200, True)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(sends(HEAD + b"{"), id="body truncated"),
        pytest.param(sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"), id="chunk cut"),
        pytest.param(sends(HEAD, reset=True), id="reset in the body"),
        pytest.param(sends(reset=True), id="reset after the request"),
        pytest.param(sends(), id="closed after the request"),
        pytest.param(says(503), id="503"),
    ],
)
def test_fault_on_the_wire_is_healed_by_the_second_attempt(fault):
    """Real sockets: the user sees the good answer."""
    with ScriptedServer(fault, says(200, b'{"ok": true}')) as server, client(server.url, NO_WAIT, name="e") as http:
        answer = http.get("/")

        assert (answer.json(), len(server.requests)) == ({"ok": True}, 2)
        assert attempts_made(answer.request) == 2


def test_put_over_the_wire_arrives_whole_twice():
    """The same bytes on both attempts."""
    with ScriptedServer(says(503), says(200)) as server, client(server.url, NO_WAIT, name="e") as http:
        http.put("/", json={"a": [1, 2, 3]})

        assert [received.body for received in server.requests] == [b'{"a":[1,2,3]}'] * 2


def test_lost_answer_of_a_write_is_unknown():
    """The request arrived, the answer did not: one hit, and nobody may say that it was not done."""
    with ScriptedServer(sends(reset=True)) as server, client(server.url, NO_WAIT, name="e") as http:
        with pytest.raises(httpx.ReadError) as caught:
            http.post("/charges", json={})

        assert len(server.requests) == 1
        assert may_have_been_sent(caught.value.request)
        assert not never_sent(caught.value)


def test_refused_write_is_certainly_not_done():
    """Two attempts, none of which left."""
    with client(refused_url(), NO_WAIT, name="e") as http:
        with pytest.raises(httpx.ConnectError) as caught:
            http.post("/charges", json={})

        assert not may_have_been_sent(caught.value.request)
        assert never_sent(caught.value)
        assert attempts_made(caught.value.request) == 2


def test_refusal_after_a_lost_answer_is_still_unknown(clock):
    """The first attempt may have been done, whatever the last one's error says."""
    edge = protect(
        Peer(httpx.ReadError("reset"), httpx.ConnectError("refused")),
        EdgePolicy(breaker=None, retry=RetrySettings(attempts=2)),
        name="e",
        clock=clock,
        sleep=clock.sleep,
    )
    sent = request("POST", headers=KEY)
    with pytest.raises(httpx.ConnectError) as caught:
        edge.handle_request(sent)
    caught.value.request = sent  # what a client does

    assert may_have_been_sent(sent)
    assert not never_sent(caught.value)
