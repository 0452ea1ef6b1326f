"""The breaker as a transport: what counts against a peer, and that every permit comes back."""

from __future__ import annotations

import threading

import httpx
import pytest
from scripted_peer import ManualClock, Peer

from resilience import (
    Breaker,
    BreakerOpenError,
    BreakerSettings,
    Circuit,
    DeadlineExceededError,
    State,
)
from resilience.policy import note_waiting

ONE_FAILURE = BreakerSettings(window=1, minimum_calls=1, open_for=10.0, probes=1)
REQUEST = httpx.Request("GET", "http://peer/")


@pytest.fixture
def clock():
    return ManualClock()


def after(outcome, clock, **settings):
    """The circuit after one call with that outcome; the first failure would open it."""
    circuit = Circuit(BreakerSettings(window=1, minimum_calls=1, **settings), clock=clock)
    breaker = Breaker(Peer(outcome), circuit=circuit, clock=clock)
    if isinstance(outcome, BaseException):
        with pytest.raises(type(outcome)) as caught:
            breaker.handle_request(REQUEST)
        assert caught.value is outcome
    else:
        breaker.handle_request(REQUEST)
    return circuit


@pytest.mark.parametrize(
    "outcome",
    [
        500,
        502,
        503,
        504,
        599,
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.ReadTimeout("slow"),
        httpx.WriteError("reset"),
        httpx.RemoteProtocolError("cut"),
    ],
    ids=repr,
)
def test_failure_of_the_peer_counts(clock, outcome):
    """The caller gets the real outcome, on the call that opens it too."""
    assert State.OPEN is after(outcome, clock).state


@pytest.mark.parametrize("status", [200, 304, 400, 401, 404, 409, 422, 429, 501])
def test_answer_counts_as_a_success(clock, status):
    """A burst of 404s is no outage."""
    assert State.CLOSED is after(status, clock).state


@pytest.mark.parametrize(
    "outcome",
    [
        httpx.PoolTimeout("full"),
        httpx.UnsupportedProtocol("ftp"),
        httpx.LocalProtocolError("bad header"),
        DeadlineExceededError("no time left to start"),
        KeyboardInterrupt(),
        SystemExit(),
        ValueError("a bug"),
    ],
    ids=repr,
)
def test_trouble_of_our_own_is_not_counted_and_its_permit_comes_back(clock, outcome):
    """Neither in closed, nor as the only probe of half-open: the next call may probe."""
    assert State.CLOSED is after(outcome, clock).state
    circuit = after(500, clock, open_for=1.0, probes=1)
    clock.now += 1
    for _ in range(3):
        with pytest.raises(type(outcome)):
            Breaker(Peer(outcome), circuit=circuit, clock=clock).handle_request(REQUEST)
        assert (circuit.state, circuit.allows()) == (State.HALF_OPEN, True)


def test_slow_answers_count_when_slow_is_defined(clock):
    """Latency alone fills the caller's threads."""

    def slow(_):
        clock.now += 2
        return httpx.Response(200)

    assert State.OPEN is after(slow, clock, slow_after=2.0).state
    assert State.CLOSED is after(slow, clock).state


def test_open_breaker_rejects_without_calling(clock):
    """The peer is left alone, until the wait is over."""
    peer = Peer(500, 200)
    circuit = Circuit(ONE_FAILURE, clock=clock)
    breaker = Breaker(peer, circuit=circuit, clock=clock)
    breaker.handle_request(REQUEST)
    for _ in range(5):
        with pytest.raises(BreakerOpenError):
            breaker.handle_request(REQUEST)
    assert peer.calls == 1
    clock.now += 10

    assert breaker.handle_request(REQUEST).status_code == 200
    assert State.CLOSED is circuit.state


def test_calls_run_side_by_side():
    """No lock is held during a call: all eight are inside at the same time, or the barrier breaks."""
    inside = threading.Barrier(8)

    def meet(_):
        inside.wait(timeout=60)
        return httpx.Response(200)

    breaker = Breaker(Peer(meet), circuit=Circuit(BreakerSettings()))
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(breaker.handle_request(REQUEST).status_code)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 8


class Body(httpx.SyncByteStream):
    """A body that comes in two parts, the second of which may break."""

    def __init__(self, error=None):
        self.error = error

    def __iter__(self):
        yield b"a"
        if self.error:
            raise self.error
        yield b"b"


def streamed(clock, body, status=200):
    """A circuit that one failure opens, and an answer whose body is still under way."""
    circuit = Circuit(ONE_FAILURE, clock=clock)
    peer = Peer(httpx.Response(status, stream=body))
    return circuit, Breaker(peer, circuit=circuit, clock=clock).handle_request(REQUEST)


def test_verdict_falls_at_the_end_of_the_body(clock):
    """Headers alone are no success."""
    circuit, answer = streamed(clock, Body())
    assert sum(circuit.outcomes().values()) == 0
    answer.read()

    assert circuit.outcomes()["succeeded"] == 1


def test_body_that_breaks_is_a_failure(clock):
    """Although its headers said 200."""
    circuit, answer = streamed(clock, Body(httpx.ReadError("reset")))
    with pytest.raises(httpx.ReadError):
        answer.read()

    assert State.OPEN is circuit.state


@pytest.mark.parametrize(("status", "outcome"), [(200, "ignored"), (500, "failed")])
def test_body_that_nobody_reads_says_what_its_status_says(clock, status, outcome):
    """A 200 that was closed half way proves nothing; its permit is back all the same, once."""
    circuit, answer = streamed(clock, Body(), status)
    next(answer.iter_raw())
    answer.close()
    answer.close()

    assert {name: n for name, n in circuit.outcomes().items() if n} == {outcome: 1}


def test_time_in_our_own_queue_is_no_slowness_of_the_peer(clock):
    """Two seconds waiting for a slot, one second in the call."""

    def queued(request):
        clock.now += 3
        note_waiting(request, 2.0)
        return httpx.Response(200)

    assert State.CLOSED is after(queued, clock, slow_after=2.0).state
    assert State.OPEN is after(queued, clock, slow_after=1.0).state
