"""The cache: freshness, stale answers in an outage, one question for many callers, bounds."""

from __future__ import annotations

import threading

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_peer import ManualClock, Peer

from resilience import Cache, CacheSettings, DeadlineExceededError, SettingsError, deadline_scope, degraded
from resilience.freshness import freshness

URL = "http://peer/stock"


@pytest.fixture
def clock():
    return ManualClock()


def cached(peer, clock, events=None, patience=60.0, **values):
    return Cache(peer, CacheSettings(**values), patience=patience, name="a->b", clock=clock, events=events)


def get(chain, url=URL, **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return chain.handle_request(httpx.Request("GET", url, headers=fields))


def says(body="good", **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(200, headers=fields, stream=httpx.ByteStream(body.encode()))


def test_fresh_answer_is_used_instead_of_asking(clock):
    """And says how old it is."""
    peer = Peer(says(Cache_Control="max-age=60"))
    chain = cached(peer, clock)
    get(chain)
    clock.now += 59
    answer = get(chain)

    assert (peer.calls, answer.read(), answer.headers["Age"], degraded(answer)) == (1, b"good", "59", None)


def test_answer_past_its_time_is_asked_for_again(clock):
    """To the second."""
    peer = Peer(says("old", Cache_Control="max-age=60"), says("new"))
    chain = cached(peer, clock)
    get(chain)
    clock.now += 60

    assert get(chain).read() == b"new"


@pytest.mark.parametrize("failure", [500, 502, 503, 504, httpx.ReadTimeout("slow"), httpx.ConnectError("x")], ids=repr)
def test_stale_answer_is_used_when_the_peer_is_down(clock, failure):
    """RFC 5861: and it is marked."""
    events = []
    chain = cached(Peer(says(Cache_Control="max-age=60, stale-if-error=100"), failure), clock, events.append)
    get(chain)
    clock.now += 159
    answer = get(chain)

    assert (answer.status_code, answer.read(), degraded(answer)) == (200, b"good", "stale")
    assert [(event.policy, event.kind) for event in events] == [("cache", "stale")]
    assert chain.counts() == {"hits": 0, "misses": 2, "stale": 1, "shared": 0}


def test_stale_answer_is_not_used_for_ever(clock):
    """Past the limit the real failure comes out."""
    chain = cached(Peer(says(Cache_Control="max-age=60, stale-if-error=100"), httpx.ReadError("reset")), clock)
    get(chain)
    clock.now += 160
    with pytest.raises(httpx.ReadError):
        get(chain)


def test_answer_that_does_not_say_is_kept_as_the_settings_say(clock):
    """Fresh for a second, stale for ten more."""
    peer = Peer(says(), 503)
    chain = cached(peer, clock, fresh_for=1, stale_for=10)
    get(chain)
    get(chain)
    assert peer.calls == 1
    clock.now += 10.5
    assert get(chain).status_code == 200
    clock.now += 1

    assert get(chain).status_code == 503


@pytest.mark.parametrize("status", [404, 422, 429, 501])
def test_clients_error_is_never_covered_by_a_stale_answer(clock, status):
    """It is an answer."""
    chain = cached(Peer(says(), status), clock)
    get(chain)

    assert get(chain).status_code == status


@pytest.mark.parametrize("status", [500, 503, 404, 204, 302])
def test_only_good_answers_are_kept(clock, status):
    """An error must not outlive its cause."""
    chain = cached(Peer(lambda _: httpx.Response(status, headers={"Cache-Control": "max-age=60"}), 200), clock)
    get(chain)

    assert (get(chain).status_code, chain.entries) == (200, 1)


@pytest.mark.parametrize("header", ["Authorization", "Cookie", "Range"])
def test_answer_to_credentials_is_nobody_elses(clock, header):
    """Two users, two questions; nothing is kept of either."""
    peer = Peer(says(Cache_Control="max-age=60"))
    chain = cached(peer, clock)
    for _ in range(2):
        get(chain, **{header: "x"})

    assert (peer.calls, chain.entries) == (2, 0)


@pytest.mark.parametrize(
    "headers",
    [
        {"Cache_Control": "no-store"},
        {"Cache_Control": "private, max-age=60"},
        {"Cache_Control": "No-Cache"},
        {"Cache_Control": "max-age=60", "Vary": "*"},
    ],
    ids=str,
)
def test_answer_that_must_not_be_kept_is_not(clock, headers):
    """Not even for an outage."""
    chain = cached(Peer(says(**headers)), clock)
    get(chain)

    assert chain.entries == 0


def test_answer_that_varies_is_used_only_for_its_like(clock):
    """The same language, the same answer."""
    peer = Peer(says("hallo", Vary="Accept-Language", Cache_Control="max-age=60"), says("hello"))
    chain = cached(peer, clock)
    get(chain, Accept_Language="de")

    assert get(chain, Accept_Language="de").read() == b"hallo"
    assert get(chain, Accept_Language="en").read() == b"hello"
    assert peer.calls == 2


def test_answer_that_insists_on_being_checked_is_never_stale(clock):
    """`must-revalidate` forbids it."""
    chain = cached(Peer(says(Cache_Control="max-age=1, must-revalidate"), 503), clock)
    get(chain)
    clock.now += 2

    assert get(chain).status_code == 503


def test_write_drops_what_was_kept_of_its_url(clock):
    """RFC 9111, 4.4; a failed write does not."""
    peer = Peer(says("old", Cache_Control="max-age=60"), 500, 204, says("new"))
    chain = cached(peer, clock)
    get(chain)
    chain.handle_request(httpx.Request("PUT", URL))
    assert get(chain).read() == b"old"
    chain.handle_request(httpx.Request("PUT", URL))

    assert get(chain).read() == b"new"


def test_number_of_answers_is_bounded(clock):
    """The one that was not used for the longest time goes."""
    chain = cached(Peer(says(Cache_Control="max-age=60")), clock, entries=2)
    for path in "aba":
        get(chain, f"http://peer/{path}")
    get(chain, "http://peer/c")
    before = chain.counts()["misses"]
    get(chain, "http://peer/a")
    get(chain, "http://peer/b")

    assert chain.entries == 2
    assert chain.counts()["misses"] - before == 1


def test_large_answer_passes_and_is_not_kept(clock):
    """Memory is bounded by entries times this."""
    chain = cached(Peer(says("x" * 100, Cache_Control="max-age=60")), clock, largest=99)

    assert len(get(chain).read()) == 100
    assert chain.entries == 0


def in_flight(clock, outcome, *, before=(), patience=60.0, **values):
    """A cache, one of whose callers is asking a peer that takes its time; `land()` lets it answer, then wait for it."""
    asked, go = threading.Event(), threading.Event()

    def held(request):
        asked.set()
        assert go.wait(60)
        return Peer(outcome).handle_request(request)

    chain = cached(peer := Peer(*before, held, says("another")), clock, patience=patience, **values)
    for _ in before:
        get(chain)
    results = []

    def ask():
        try:
            results.append(get(chain).read())
        except httpx.TransportError as exc:
            results.append(type(exc))

    threads = [threading.Thread(target=ask)]
    threads[0].start()
    assert asked.wait(60)

    def land(followers):
        (flight,) = chain._flights.values()
        waiting = threading.Semaphore(0)
        wait = flight.landed.wait
        flight.landed.wait = lambda seconds: (waiting.release(), wait(seconds))[1]
        threads.extend(threading.Thread(target=ask) for _ in range(followers))
        for thread in threads[1:]:
            thread.start()
        for _ in range(followers):
            assert waiting.acquire(timeout=60)
        go.set()
        for thread in threads:
            thread.join(60)
        return results

    return chain, peer, land


def test_many_callers_ask_once(clock):
    """Eight at the same time, one question, eight answers."""
    chain, peer, land = in_flight(clock, says("good"))

    assert land(7) == [b"good"] * 8
    assert peer.calls == 1
    assert chain.counts() == {"hits": 0, "misses": 1, "stale": 0, "shared": 7}


def test_many_callers_share_a_stale_answer_too(clock):
    """They do not all go and ask a peer that is down."""
    chain, peer, land = in_flight(clock, httpx.ReadError("reset"), before=(says("old"),))

    assert land(7) == [b"old"] * 8
    assert (peer.calls, chain.counts()["stale"]) == (2, 8)


def test_answer_that_cannot_be_shared_is_asked_for_by_each(clock):
    """The others go on their own, once each, side by side."""
    _, peer, land = in_flight(clock, says("mine", Cache_Control="private"))

    assert sorted(land(3)) == [b"another"] * 3 + [b"mine"]
    assert peer.calls == 4


def test_waiting_for_another_callers_answer_is_bounded(clock):
    """By the call's own time; nothing is left behind."""
    chain, _, land = in_flight(clock, says("good"), patience=0.01)
    with pytest.raises(DeadlineExceededError, match="another caller"):
        get(chain)
    with deadline_scope(0.0), pytest.raises(DeadlineExceededError):
        get(chain)

    assert land(0) == [b"good"]
    assert chain._flights == {}


def test_answer_that_varies_is_not_shared_with_another_kind(clock):
    """A follower in another language asks on its own."""
    chain, _peer, land = in_flight(clock, says("hallo", Vary="Accept-Language"))
    answers = []
    follower = threading.Thread(target=lambda: answers.append(get(chain, Accept_Language="en").read()))
    follower.start()
    land(0)
    follower.join(60)

    assert answers == [b"another"]


@given(
    st.sampled_from(["max-age", "s-maxage", "stale-if-error"]),
    st.sampled_from(["10", "-1", "x", "", '"10"', "9" * 30, "1.5"]),
    st.sampled_from([None, "0", "7", "junk", "999"]),
)
def test_lifetimes_are_never_negative_whatever_a_peer_sends(name, value, age):
    """Garbage is stale at once, and huge is a hundred years."""
    headers = {"Cache-Control": f"{name}={value}", **({"Age": age} if age else {})}
    length = freshness(httpx.Response(200, headers=headers), fresh_for=5, stale_for=5)

    assert 0 <= length.fresh_for <= 3.2e9
    assert length.stale_for <= 3.2e9


@pytest.mark.parametrize(
    ("setting", "value"), [("entries", 0), ("largest", 0), ("fresh_for", -1), ("stale_for", float("inf"))]
)
def test_setting_out_of_range_is_refused(setting, value):
    """It names itself and its range."""
    with pytest.raises(SettingsError, match=rf"cache\.{setting} is"):
        CacheSettings(**{setting: value})
