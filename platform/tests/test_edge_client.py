"""The client: the short way of the plain call gives what httpx's own way would give."""

from __future__ import annotations

import datetime

import httpx
import pytest
from scripted_peer import Peer, ScriptedServer, refused_url, says

from resilience import BreakerOpenError, EdgePolicy, client
from resilience.edge_client import EdgeClient

BARE = EdgePolicy(deadline=None, retry=None, breaker=None)


class Plain(httpx.Client):
    """What the client is compared with."""


def both(base="http://peer:8000/api"):
    edge_client = client(base, BARE, name="e", base=Peer(200))
    return edge_client, Plain(base_url=base, transport=Peer(200), trust_env=False, timeout=None)


@pytest.mark.parametrize("base", ["http://peer:8000", "http://peer:8000/", "http://peer/api", "https://peer/api/"])
@pytest.mark.parametrize(
    "path", ["/", "/things/12", "/things?a=b&c=%20d", "/m\xfcll x", "things", "", "//x", "http://other/a"]
)
def test_url_is_the_one_httpx_would_build(base, path):
    """Merged with the base, escaped the same way, cached or not."""
    ours, theirs = both(base)
    for _ in range(2):
        assert ours.build_request("GET", path).url == theirs.build_request("GET", path).url


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"json": {"a": 1}},
        {"content": b"abc"},
        {"headers": {"X-A": "b", "accept": "text/plain"}},
        {"headers": [("X-A", "b"), ("X-B", "c")]},
        {"params": {"a": "b c"}},
        {"data": {"a": "b"}},
        {"cookies": {"a": "b"}},
        {"timeout": 3.0},
        {"extensions": {"trace": None}},
        {"json": {}, "headers": None, "params": None},
    ],
    ids=str,
)
def test_request_is_the_one_httpx_would_build(parts):
    """Headers, body and extensions; whatever is asked for."""
    ours, theirs = (http.build_request("POST", "/things", **parts) for http in both())

    assert (ours.method, ours.url, ours.read()) == (theirs.method, theirs.url, theirs.read())
    assert sorted(ours.headers.multi_items()) == sorted(theirs.headers.multi_items())
    timeout = {"timeout": {"connect": None, "read": None, "write": None, "pool": None}}
    assert {**timeout, **ours.extensions} == theirs.extensions


def test_headers_of_the_client_go_with_every_request():
    """Also those that were added later."""
    http, _ = both()
    http.headers["X-Service"] = "orders"

    assert http.build_request("GET", "/").headers["x-service"] == "orders"


def test_answer_is_complete():
    """Read, with its request and the time it took."""
    with ScriptedServer(says(200, b'{"a": 1}')) as server, client(server.url, BARE, name="e") as http:
        answer = http.post("/things", json={"b": 2})

        assert (answer.json(), answer.request.url.path, answer.is_closed) == ({"a": 1}, "/things", True)
        assert isinstance(answer.elapsed, datetime.timedelta)
        assert answer.raise_for_status() is answer


def test_error_knows_its_request():
    """As httpx's do; a rejection, which has the short way of its own to be made, too."""
    with client(refused_url(), BARE, name="e") as http, pytest.raises(httpx.ConnectError) as caught:
        http.get("/x")
    assert caught.value.request.url.path == "/x"
    rejected = BreakerOpenError("open", retry_after=1)
    with pytest.raises(RuntimeError, match="request"):
        _ = rejected.request
    with client("http://peer", BARE, name="e", base=Peer(rejected)) as http, pytest.raises(BreakerOpenError) as caught:
        http.get("/y")

    assert (caught.value.request.url.path, str(caught.value), caught.value.args) == ("/y", "open", ("open",))


def test_cookies_of_one_answer_do_not_go_with_the_next_call():
    """The next call is another user's."""
    with ScriptedServer(says(200, Set_Cookie="session=alice")) as server, client(server.url, BARE, name="e") as http:
        http.get("/")
        http.get("/")

        assert "cookie" not in server.requests[1].headers


def test_redirect_is_an_answer():
    """It may lead anywhere."""
    with ScriptedServer(says(302, Location=refused_url())) as server, client(server.url, BARE, name="e") as http:
        assert http.get("/").status_code == 302


def test_what_is_asked_for_explicitly_goes_httpxs_way():
    """Authentication, redirects, hooks, streams: all there."""
    seen = []
    redirect = says(302, Location="/there")
    with ScriptedServer(redirect, says(200, b"body")) as server, client(server.url, BARE, name="e") as http:
        http.event_hooks = {"response": [seen.append]}
        answer = http.get("/", follow_redirects=True, auth=("user", "secret"))
        with http.stream("GET", "/") as streamed:
            assert b"".join(streamed.iter_bytes()) == b"body"

        assert (answer.status_code, len(seen), len(server.requests)) == (200, 3, 3)
        assert server.requests[0].headers["authorization"].startswith("Basic ")


def test_closed_client_sends_nothing():
    """As httpx's."""
    http = client("http://peer", BARE, name="e", base=(peer := Peer(200)))
    http.close()
    with pytest.raises(RuntimeError, match="closed"):
        http.get("/")

    assert (peer.calls, peer.closed, isinstance(http, EdgeClient)) == (0, True, True)


def test_compressed_garbage_is_an_error_that_knows_its_request():
    """The decoding is above all policies; it must not be lost."""
    garbage = says(200, b"no gzip", Content_Encoding="gzip")
    with (
        ScriptedServer(garbage) as server,
        client(server.url, BARE, name="e") as http,
        pytest.raises(httpx.DecodingError) as caught,
    ):
        http.get("/z")

    assert caught.value.request.url.path == "/z"
