"""The whole chain: the order of the policies, each of them off, and the package's public face."""

from __future__ import annotations

import ast
import dataclasses
import random
import threading
from pathlib import Path

import httpx
import pytest
from scripted_peer import ManualClock, Peer, ScriptedServer, says, says_nothing, sends

import resilience
from resilience import (
    BreakerOpenError,
    BreakerSettings,
    DeadlineExceededError,
    EdgePolicy,
    RetrySettings,
    SettingsError,
    State,
    attempts_made,
    client,
    may_have_been_sent,
    never_sent,
    protect,
)

ALL_OFF = EdgePolicy(deadline=None, retry=None, breaker=None)
TRUNCATED = sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")


@pytest.fixture
def clock():
    return ManualClock()


def edge(peer, clock, **policy):
    return protect(peer, EdgePolicy(**policy), name="a->b", clock=clock, sleep=clock.sleep)


def breaker(calls=2, **settings):
    return BreakerSettings(window=calls, minimum_calls=calls, **settings)


def request(method="GET", **kwargs):
    return httpx.Request(method, "http://peer/", **kwargs)


def test_breaker_counts_each_attempt(clock):
    """It sits inside the retry: two attempts of one call open it."""
    protected = edge(Peer(503), clock, retry=RetrySettings(attempts=2), breaker=breaker(2))
    protected.handle_request(request())

    assert State.OPEN is protected.circuit.state


def test_open_breaker_stops_the_attempts_of_a_call(clock):
    """Of five attempts two are made; the peer's own 503 comes out."""
    peer = Peer(503)
    answer = edge(peer, clock, retry=RetrySettings(attempts=5), breaker=breaker(2)).handle_request(request())

    assert (answer.status_code, peer.calls) == (503, 2)


def test_open_breaker_rejects_the_next_call_at_once(clock):
    """Without waiting, without a retry, and certainly not sent."""
    protected = edge(Peer(503), clock, retry=RetrySettings(attempts=2), breaker=breaker(2))
    protected.handle_request(request())
    clock.slept.clear()
    rejected = request("POST")
    with pytest.raises(BreakerOpenError, match="a->b") as caught:
        protected.handle_request(rejected)

    assert clock.slept == []
    assert never_sent(caught.value)
    assert (may_have_been_sent(rejected), attempts_made(rejected)) == (False, 0)


def test_deadline_that_has_passed_says_nothing_about_the_peer(clock):
    """Time used up here is not the peer's failure."""
    protected = edge(Peer(200), clock, breaker=breaker(1))
    with resilience.deadline_scope(0.0, clock=clock), pytest.raises(DeadlineExceededError):
        protected.handle_request(request())

    assert State.CLOSED is protected.circuit.state


def test_breaker_sees_broken_bodies_and_opens():
    """Ten answers cut in the body are ten failures, although their headers were fine."""
    policy = EdgePolicy(deadline=20, retry=None, breaker=breaker(3))
    with ScriptedServer(TRUNCATED) as server, client(server.url, policy, name="a->b") as http:
        for _ in range(3):
            with pytest.raises(httpx.RemoteProtocolError):
                http.get("/")
        with pytest.raises(BreakerOpenError):
            http.get("/")

        assert len(server.requests) == 3


def test_breaker_counts_calls_that_the_deadline_cut():
    """A peer that takes requests and never answers is broken."""
    policy = EdgePolicy(deadline=0.1, retry=None, breaker=breaker(2))
    with ScriptedServer(says_nothing) as server, client(server.url, policy, name="a->b") as http:
        for _ in range(2):
            with pytest.raises(DeadlineExceededError) as caught:
                http.get("/")
            assert may_have_been_sent(caught.value.request)
            assert not never_sent(caught.value)

        assert State.OPEN is http.edge.circuit.state


def test_broken_body_is_seen_over_any_base(clock):
    """Also where the base is not the wire: the attempt reads it."""

    def body():
        yield b"half"
        raise httpx.ReadError("reset")

    class Broken(httpx.SyncByteStream):
        def __iter__(self):
            return body()

    peer = Peer(httpx.Response(200, stream=Broken()), 200)
    sent = request()
    answer = edge(peer, clock, breaker=None).handle_request(sent)

    assert (answer.status_code, peer.calls, attempts_made(sent)) == (200, 2, 2)


@pytest.mark.parametrize("off", ["deadline", "retry", "breaker"])
def test_each_policy_can_be_switched_off(clock, off):
    """The others stay."""
    peer = Peer(503)
    policy = {"deadline": 5.0, "retry": RetrySettings(attempts=2, base=0), "breaker": breaker(1)}
    protected = edge(peer, clock, **{**policy, off: None})
    sent = request()
    protected.handle_request(sent)

    assert (off != "deadline") is (resilience.REQUEST_TIMEOUT_HEADER in sent.headers)
    assert (off == "breaker") is (protected.circuit is None)
    # With a breaker that opens at the first failure there is no second attempt.
    assert (2 if off == "breaker" else 1) == peer.calls


def test_all_off_is_one_bare_attempt(clock):
    """One hit, the answer as it is."""
    peer = Peer(503)
    answer = protect(peer, ALL_OFF, name="e", clock=clock, sleep=clock.sleep).handle_request(request())

    assert (answer.status_code, peer.calls, clock.slept) == (503, 1, [])


def test_chance_and_sleep_are_the_ones_passed_in(clock):
    """The same seed waits the same."""
    policy = EdgePolicy(deadline=None, retry=RetrySettings(attempts=4), breaker=None)
    for _ in range(2):
        rng = random.Random(11)
        protect(Peer(503), policy, name="e", clock=clock, sleep=clock.sleep, rng=rng).handle_request(request())

    assert len(clock.slept) == 6
    assert clock.slept[:3] == clock.slept[3:]


def test_closing_the_client_closes_the_chain():
    """Down to the base."""
    peer = Peer(200)
    with client("http://peer", name="a->b", base=peer) as http:
        http.get("/")

    assert peer.closed


def test_client_brings_the_address_the_name_and_the_listener(clock):
    """What a service wires in one line."""
    changes = []
    policy = EdgePolicy(retry=None, breaker=breaker(1))
    with ScriptedServer(says(500)) as server:
        with client(server.url, policy, name="a->b", listener=lambda *change: changes.append(change)) as http:
            assert http.get("/things").status_code == 500

        assert server.requests[0].line == "GET /things HTTP/1.1"
        assert (http.edge.name, changes) == ("a->b", [(State.CLOSED, State.OPEN)])


def test_many_threads_share_one_client():
    """Eight threads, forty calls each, every answer its own."""
    with ScriptedServer(lambda sock, got: says(200, got.line.split()[1].encode())(sock, got)) as server:
        wrong, generous = [], EdgePolicy(deadline=60)
        with client(server.url, generous, name="e") as http:

            def work(n):
                for i in range(40):
                    path = f"/{n}/{i}"
                    if http.get(path).text != path:
                        wrong.append(path)

            threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        assert wrong == []
        assert len(server.requests) == 320


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (EdgePolicy, {"deadline": 0}, "deadline is 0; right is a number from 0.001 to 3600"),
        (EdgePolicy, {"deadline": -1}, "deadline is -1"),
        (EdgePolicy, {"deadline": 5000}, "deadline is 5000"),
        (EdgePolicy, {"deadline": float("nan")}, "deadline is nan"),
        (EdgePolicy, {"deadline": None, "retry": RetrySettings(attempts=None)}, "would never end"),
        (RetrySettings, {"attempts": 0}, "retry.attempts is 0"),
        (RetrySettings, {"attempts": 1.5}, "retry.attempts is 1.5; right is a whole number"),
        (RetrySettings, {"base": -0.1}, "retry.base is -0.1"),
        (RetrySettings, {"base": 2.0, "cap": 1.0}, "retry.cap is 1.0; right is a number from 2 to 3600"),
        (RetrySettings, {"longest_wait": float("inf")}, "retry.longest_wait is inf"),
    ],
)
def test_setting_out_of_range_is_refused(kind, values, message):
    """One line: which, what it is, what would be right."""
    with pytest.raises(SettingsError) as caught:
        kind(**values)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [EdgePolicy, RetrySettings, BreakerSettings])
def test_settings_are_frozen_and_keyword_only(kind):
    """A running service's policy does not change under it."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(kind(), dataclasses.fields(kind)[0].name, 1)
    with pytest.raises(TypeError):
        kind(1)


def test_public_names_exist_and_are_sorted():
    """Constants, classes, functions; each in order of the alphabet."""
    names = resilience.__all__

    assert sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name)) == names
    assert all(hasattr(resilience, name) for name in names)


def test_package_imports_no_service_and_no_harness():
    """It stands under both."""
    imported = set()
    for path in Path(resilience.__file__).parent.glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])

    assert {"flask", "storefront", "windtunnel", "pytest"}.isdisjoint(imported)
    assert "httpx" in imported
