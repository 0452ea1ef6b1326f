"""The whole chain: the order of the policies, each of them off, and the package's public face."""

from __future__ import annotations

import ast
import dataclasses
import random
import threading
from contextlib import nullcontext, suppress
from pathlib import Path

import httpx
import pytest
from scripted_peer import ManualClock, Peer, ScriptedServer, says, says_nothing, sends

import resilience
from resilience import (
    BalancerSettings,
    BreakerOpenError,
    BreakerSettings,
    BudgetSettings,
    BulkheadFullError,
    BulkheadSettings,
    CacheSettings,
    DeadlineExceededError,
    EdgePolicy,
    FallbackSettings,
    RateLimitedError,
    RateLimitSettings,
    RetrySettings,
    SettingsError,
    State,
    StaticList,
    attempts_made,
    client,
    degraded,
    instance_of,
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


ALL_ON = EdgePolicy(
    fallback=FallbackSettings(answer=lambda request, failure: httpx.Response(200, json={"from": "fallback"})),
    cache=CacheSettings(),
    deadline=5,
    retry=RetrySettings(),
    budget=BudgetSettings(),
    balancer=BalancerSettings(),
    breaker=BreakerSettings(),
    rate_limit=RateLimitSettings(per_second=1000, burst=100),
    bulkhead=BulkheadSettings(),
    attempt_timeout=1,
)


def test_order_of_the_policies_is_the_documented_one():
    """From the outside in, with all of them on."""
    http = client("http://peer", ALL_ON, name="a->b", base=Peer(200))
    http.get("/")
    chain, kinds = http.edge._inner, []
    while not isinstance(chain, Peer):
        kinds.append(type(chain).__name__)
        chain = http.edge.balancer.members()[0].chain if kinds[-1] == "Balancer" else chain._inner

    expected = ["Fallback", "Cache", "Deadline", "Retry", "Balancer", "Breaker", "RateLimit", "Bulkhead", "Attempt"]
    assert kinds == expected
    picture = resilience.edge.__doc__
    assert sorted(expected, key=lambda kind: picture.index(f"    {kind} ")) == expected


def test_every_policy_is_off_when_it_is_none():
    """One bare attempt."""
    off = EdgePolicy(**{field.name: None for field in dataclasses.fields(EdgePolicy)})

    assert type(protect(Peer(200), off, name="e")._inner).__name__ == "Attempt"


def test_hung_instance_leaves_time_for_another_one():
    """The attempt's own limit ends it early enough; the peer is told that limit, not the whole call's."""
    provider_policy = EdgePolicy(
        deadline=20, attempt_timeout=0.3, retry=RetrySettings(base=0), balancer=BalancerSettings(strategy="round_robin")
    )
    with ScriptedServer(says_nothing) as hung, ScriptedServer(says(200)) as well:
        provider = StaticList(hung.url, well.url)
        with client("http://peer.test", provider_policy, name="e", provider=provider) as http:
            answers = [http.get("/").status_code for _ in range(3)]

        assert answers == [200] * 3
        assert len(hung.requests) >= 1
        assert all(int(got.headers["x-request-timeout-ms"]) <= 300 for got in hung.requests + well.requests)


def test_attempt_timeout_is_the_wires_error_and_not_the_deadlines():
    """The call had time left; the breaker counts it."""
    policy = EdgePolicy(deadline=20, attempt_timeout=0.1, retry=None, breaker=breaker(1))
    with ScriptedServer(says_nothing) as server, client(server.url, policy, name="e") as http:
        with pytest.raises(httpx.ReadTimeout):
            http.get("/")

        assert State.OPEN is http.edge.circuit.state


def test_drip_fed_body_cannot_hold_a_caller_past_the_deadline_with_all_policies_on():
    """Headers at once, then a byte now and then for half a minute: the fallback answers, in the call's time."""
    drip = sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b"x"] * 1500, every=0.02)
    policy = dataclasses.replace(ALL_ON, deadline=0.4, attempt_timeout=None)
    with ScriptedServer(drip) as server, client(server.url, policy, name="e") as http:
        answer = http.get("/")

        assert degraded(answer) == "fallback"
        assert len(server.requests) == 1
        assert server.idle_closed.wait(20)


def test_open_breaker_is_answered_for_by_the_cache_and_then_by_the_fallback(clock):
    """A rejection is a failure like others, for those above it; the slots and turns below are not touched."""
    peer = Peer(lambda _: httpx.Response(200, stream=httpx.ByteStream(b"good")), 503)
    policy = dataclasses.replace(
        ALL_ON, retry=None, balancer=None, breaker=breaker(2), cache=CacheSettings(stale_for=60)
    )
    protected = protect(peer, policy, name="e", clock=clock, sleep=clock.sleep)
    answers = [protected.handle_request(request()) for _ in range(4)]
    clock.now += 61
    protected.circuit.force(State.FORCED_OPEN)
    answers.append(protected.handle_request(request()))

    assert [degraded(answer) for answer in answers] == [None, "stale", "stale", "stale", "fallback"]
    assert (peer.calls, protected.circuit.rejected, protected.slots.in_use) == (2, 3, 0)


def test_rejections_of_our_own_limits_do_not_open_the_breaker(clock):
    """They say nothing about the peer."""
    protected = edge(Peer(200), clock, breaker=breaker(1), rate_limit=RateLimitSettings(per_second=1))
    protected.handle_request(request())
    for _ in range(5):
        with pytest.raises(RateLimitedError) as caught:
            protected.handle_request(request("POST"))

    assert (protected.circuit.state, protected.circuit.outcomes()["ignored"]) == (State.CLOSED, 5)
    assert never_sent(caught.value)


def test_slots_and_rate_are_shared_by_all_instances(clock):
    """More instances are no more slots: they bound what this process does."""
    inside = []

    def nested(sent):
        if len(inside) < 5:
            inside.append(instance_of(sent))
            with pytest.raises(BulkheadFullError) if len(inside) == 3 else nullcontext():
                protected.handle_request(request())
        return httpx.Response(200)

    policy = EdgePolicy(bulkhead=BulkheadSettings(slots=2), balancer=BalancerSettings(), retry=None)
    provider = StaticList("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
    inside.append(None)
    protected = protect(Peer(nested), policy, name="e", provider=provider, clock=clock)
    protected.handle_request(request())

    assert len(inside) == 3
    assert protected.slots.refused == 1


def test_slot_is_not_held_while_waiting_to_try_again(clock):
    """Else a few retries would block the edge."""
    seen = []
    policy = EdgePolicy(bulkhead=BulkheadSettings(slots=1), breaker=None)
    protected = protect(
        Peer(503), policy, name="e", clock=clock, sleep=lambda seconds: seen.append(protected.slots.in_use)
    )
    protected.handle_request(request())

    assert seen == [0, 0]


def opened(protected, calls):
    """After so many calls its breakers have opened, and its time to probe has come."""
    for _ in range(calls):
        with suppress(httpx.TransportError):
            protected.handle_request(httpx.Request("POST", "http://peer/", headers={"Idempotency-Key": "k"}))


def test_probe_reaches_the_peer_past_cache_and_fallback(clock):
    """An answer from elsewhere would close the breaker of a peer that is down, or never close it."""
    fresh = httpx.Response(200, headers={"Cache-Control": "max-age=1000"}, stream=httpx.ByteStream(b"live"))
    peer = Peer(fresh, 503, httpx.ReadError("reset"), 200)
    rule = {"cache": CacheSettings(), "fallback": FallbackSettings(answer=lambda *_: httpx.Response(200))}
    protected = edge(peer, clock, retry=None, breaker=breaker(2, probes=1, open_for=2), **rule)
    protected.handle_request(request())
    opened(protected, 1)
    clock.now += 2
    failures = protected.probe(request)
    state = protected.circuit.state
    clock.now += 2
    nothing = protected.probe(request)

    assert state is State.OPEN
    assert [type(failure) for failure in failures] == [httpx.ReadError]
    assert nothing == []
    assert (peer.calls, protected.circuit.state) == (4, State.CLOSED)


def test_probe_asks_the_instances_that_are_in_doubt_and_no_other(clock):
    """Chance would choose the healthy one as often."""
    hits, broken = [], {"10.0.0.1"}

    def one(sent):
        hits.append(instance_of(sent).host)
        return httpx.Response(503 if hits[-1] in broken else 200)

    policy = EdgePolicy(
        balancer=BalancerSettings(ejection=None), retry=None, breaker=breaker(2, probes=2, open_for=2), deadline=None
    )
    provider = StaticList("10.0.0.1:80", "10.0.0.2:80")
    protected = protect(Peer(one), policy, name="e", provider=provider, clock=clock, rng=random.Random(1))
    opened(protected, 20)
    clock.now += 2
    hits.clear()
    broken.clear()
    for _ in range(3):
        protected.probe(request)

    assert hits == ["10.0.0.1"] * 2
    assert {circuit.state for circuit in protected.circuits().values()} == {State.CLOSED}


def test_probe_asks_nobody_while_the_breaker_is_open_or_closed(clock):
    """There is nothing to find out, or it is too early."""
    peer = Peer(503)
    protected = edge(peer, clock, retry=None, breaker=breaker(2, open_for=2))
    protected.probe(request)
    opened(protected, 2)
    protected.probe(request)

    assert peer.calls == 2


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (EdgePolicy, {"deadline": 0}, "deadline is 0; right is a number from 0.001 to 3600"),
        (EdgePolicy, {"deadline": -1}, "deadline is -1"),
        (EdgePolicy, {"deadline": 5000}, "deadline is 5000"),
        (EdgePolicy, {"deadline": float("nan")}, "deadline is nan"),
        (EdgePolicy, {"deadline": None, "retry": RetrySettings(attempts=None)}, "would never end"),
        (EdgePolicy, {"attempt_timeout": 0}, "attempt_timeout is 0"),
        (EdgePolicy, {"deadline": 1, "attempt_timeout": 2}, "attempt_timeout is 2; right is a number from 0.001 to 1"),
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
