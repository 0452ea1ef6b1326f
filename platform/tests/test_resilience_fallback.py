"""The fallback."""

from __future__ import annotations

import httpx
import pytest
from scripted_peer import Peer

from resilience import BreakerOpenError, Fallback, FallbackSettings, SettingsError, degraded


def empty(request, failure):
    return httpx.Response(200, json=[])


def backed(peer, answer=empty, events=None, **values):
    return Fallback(peer, FallbackSettings(answer=answer, **values), name="a->b", events=events)


def request(method="GET"):
    return httpx.Request(method, "http://peer/")


@pytest.mark.parametrize(
    "failure",
    [500, 502, 503, 504, httpx.ReadTimeout("slow"), httpx.ConnectError("x"), BreakerOpenError("open", retry_after=1)],
    ids=repr,
)
def test_peer_that_is_down_is_answered_for(failure):
    """And the answer says that it is not the peer's."""
    chain = backed(Peer(failure))
    answer = chain.handle_request(request())

    assert (answer.status_code, degraded(answer), chain.used) == (200, "fallback", 1)


@pytest.mark.parametrize("status", [200, 302, 400, 404, 409, 422, 429, 501])
def test_answer_of_the_peer_stays(status):
    """A client's mistake is no outage."""
    answer = backed(Peer(status)).handle_request(request())

    assert (answer.status_code, degraded(answer)) == (status, None)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_write_is_never_made_up(method):
    """Nobody may believe that it was done."""
    with pytest.raises(httpx.ReadError):
        backed(Peer(httpx.ReadError("reset"))).handle_request(request(method))


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), ValueError("bug"), httpx.LocalProtocolError("bad header")], ids=repr
)
def test_trouble_of_our_own_is_not_covered_up(error):
    """A bug has to be seen."""
    with pytest.raises(type(error)):
        backed(Peer(error)).handle_request(request())


@pytest.mark.parametrize("failure", [503, httpx.ReadError("reset")], ids=repr)
def test_fallback_that_fails_shows_the_real_failure(failure):
    """Dependency down and nothing to fall back to: not a 500 from here."""

    def broken(request, failure):
        raise KeyError("empty")

    events = []
    chain = backed(Peer(failure), broken, events.append)
    if isinstance(failure, int):
        assert chain.handle_request(request()).status_code == failure
    else:
        with pytest.raises(httpx.ReadError) as caught:
            chain.handle_request(request())
        assert caught.value is failure

    assert (chain.broken, chain.used) == (1, 0)
    assert [(event.policy, event.kind, event.detail) for event in events] == [
        ("fallback", "failed", "KeyError('empty')")
    ]


def test_answer_can_be_made_from_what_failed():
    """It is given the request and the failure."""
    seen = []

    def answer(request, failure):
        seen.append((request.url.path, failure.status_code))
        return httpx.Response(200)

    backed(Peer(503), answer).handle_request(httpx.Request("GET", "http://peer/stock"))

    assert seen == [("/stock", 503)]


def test_failed_answer_gives_its_connection_back():
    """Its body is not read by anybody."""
    closed = []

    class Body(httpx.SyncByteStream):
        def close(self):
            closed.append(True)

    backed(Peer(httpx.Response(503, stream=Body()))).handle_request(request())

    assert closed == [True]


@pytest.mark.parametrize("values", [{"answer": None}, {"methods": ()}, {"methods": ("get",)}], ids=str)
def test_setting_that_makes_no_sense_is_refused(values):
    """With what would be right."""
    with pytest.raises(SettingsError, match=r"fallback\.(answer|methods) is .*; right is"):
        FallbackSettings(**{"answer": empty, **values})
