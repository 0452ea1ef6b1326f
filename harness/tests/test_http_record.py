"""The edge record, request by request, with real peers on real sockets."""

import time
from concurrent.futures import ThreadPoolExecutor
from socket import create_connection
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest
from flask import Flask, Response, request
from http_wires import TEXT, call, caller, ended, shop
from proxy_wires import PATIENCE, echo, eventually, proxied, read_all
from werkzeug.serving import WSGIRequestHandler as WerkzeugHandler
from werkzeug.serving import make_server as make_werkzeug

from windtunnel.errors import ProxyError
from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.proxy.http1.log import RequestLog
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def brief(requests):
    return [(each.method, each.path, each.status, each.ended, each.nth) for each in requests]


def test_each_request_is_recorded_with_what_identifies_it():
    """Method, path without query, status, ids, connection, and times in order."""
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "X-Request-Id": "r-1"}
    with shop() as (edge, _), caller(edge) as client:
        before = time.monotonic()
        call(client, "POST", "/orders/17?q=1", b"{}", headers)
        call(client, "GET", "/orders/18")
        call(client, "GET", "/orders/19")
        call(client, "HEAD", "/")
        call(client, "GET", "/chunked")
        requests = ended(edge, 5)
        after = time.monotonic()
        page = edge.requests(3)

    assert brief(requests) == [
        ("POST", "/orders/17", 200, "complete", 1),
        ("GET", "/orders/18", 200, "complete", 1),
        ("GET", "/orders/19", 200, "complete", 2),
        ("HEAD", "/", 200, "complete", 1),
        ("GET", "/chunked", 200, "complete", 1),
    ]
    assert (requests[0].trace_id, requests[0].request_id) == (TRACE, "r-1")
    assert (requests[1].trace_id, requests[1].request_id) == ("", "")
    assert {each.connection for each in requests} == {1}
    assert all(before <= each.start <= each.first_byte <= each.end <= after for each in requests)
    assert [each.seq for each in requests] == [1, 2, 3, 4, 5]
    assert ([each.seq for each in page.requests], page.next, page.missed, page.open) == ([4, 5], 5, 0, 0)
    assert abs((page.anchor.wall - page.anchor.monotonic) - (time.time() - time.monotonic())) < 5


def test_a_body_that_lasts_until_the_connection_closes_is_complete_then():
    """As HTTP/1.0 has it."""
    with shop() as (edge, _), caller(edge) as client:
        answer = call(client, "GET", "/close")
        requests = ended(edge, 1)

    assert answer[1] == TEXT
    assert brief(requests) == [("GET", "/close", 200, "complete", 1)]


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"wsgi"]


class Silent(WSGIRequestHandler):
    def log_message(self, *args):
        """Nothing is said."""


class Kept(WerkzeugHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *args, **more):
        """Nothing is said."""


def flask_app():
    app = Flask("peer")

    @app.post("/echo")
    def back():
        return Response(request.get_data(), 201)

    @app.get("/stream")
    def stream():
        return Response(part for part in ["a" * 10, "b" * 100_000, "c"])

    return app


PEERS = {
    "wsgiref": lambda: make_server("127.0.0.1", 0, application, handler_class=Silent),
    "werkzeug": lambda: make_werkzeug("127.0.0.1", 0, flask_app(), threaded=True, request_handler=Kept),
}


@pytest.fixture
def peer(request):
    """(edge): a real server behind the proxy."""
    server = PEERS[request.param]()
    thread = Thread(target=server.serve_forever)
    thread.start()
    with EmbeddedToxiproxy() as proxy, ToxiproxyClient(proxy.url) as client:
        client.create("edge", "127.0.0.1:0", f"127.0.0.1:{server.server_port}", http=True)
        yield EdgeProxy(client, "edge")
        assert proxy.unhandled == ()
    server.shutdown()
    thread.join()
    server.server_close()


def url(edge):
    return "http://{}:{}".format(*edge.listen)


@pytest.mark.parametrize("peer", ["wsgiref"], indirect=True)
def test_httpx_against_wsgiref(peer):
    """Connections that close after each answer."""
    with httpx.Client(base_url=url(peer), trust_env=False) as client:
        texts = [client.get("/").text for _ in range(3)]

    assert texts == ["wsgi"] * 3
    assert brief(ended(peer, 3)) == [("GET", "/", 200, "complete", n) for n in (1, 2, 3)]
    assert peer.requests().unread == {}


@pytest.mark.parametrize("peer", ["werkzeug"], indirect=True)
def test_httpx_against_flask_on_werkzeug(peer):
    """Kept connections, chunked both ways, several at once, bodies larger than any buffer."""
    big = bytes(range(256)) * 8000

    def visit(number):
        with httpx.Client(base_url=url(peer), trust_env=False, timeout=PATIENCE) as client:
            return (
                client.post("/echo", content=big).content == big,
                client.post("/echo", content=iter([b"chunk", b"ed"])).status_code,
                client.get("/stream").text[-1],
                client.get("/nowhere").status_code,
            )

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(visit, range(4)))
    requests = ended(peer, 16)

    assert {each[0] for each in answers} == {True}
    assert {each[2:] for each in answers} == {("c", 404)}
    assert peer.requests().unread == {}
    assert {each.ended for each in requests} == {"complete"}
    assert sorted((each.path, each.nth) for each in requests if each.path == "/stream") == [
        ("/stream", n) for n in (1, 2, 3, 4)
    ]


def ending(edge):
    (request,) = ended(edge, 1)
    return request.ended, request.status


def half_an_answer(sock):
    sock.recv(65536)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")


def no_answer(sock):
    sock.recv(65536)


ENDS = {"half an answer": (half_an_answer, ("cut", 200)), "none": (no_answer, ("no_answer", None))}


@pytest.mark.parametrize("case", ENDS)
def test_how_a_request_ended_is_recorded(case):
    """Cut within the answer, or before it."""
    behaviour, expected = ENDS[case]
    with proxied(behaviour) as (edge, _, _):
        edge.client.update("edge", http=True)
        with create_connection(edge.listen, timeout=PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            read_all(client)

        assert ending(edge) == expected


def test_a_reset_is_told_from_a_close():
    """By the upstream, or by a toxic on bytes."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("reset_peer", stream="upstream")
        call(client)

        assert ending(edge) == ("reset", None)


def test_a_latency_is_seen_in_the_times_of_the_caller():
    """What the caller waited, whatever the upstream needed."""
    with shop() as (edge, _), caller(edge) as client:
        call(client)
        edge.add_toxic("latency", attributes={"latency": 80})
        call(client)
        edge.remove_toxic("latency_downstream")
        call(client)
        fast, slow, again = ended(edge, 3)

    assert slow.first_byte - slow.start >= 0.08
    assert max(fast.seconds, again.seconds) < slow.seconds
    assert {each.ended for each in (fast, slow, again)} == {"complete"}


def test_pipelined_requests_are_told_apart():
    """Three at once, answered in order."""
    with shop() as (edge, _), create_connection(edge.listen, timeout=PATIENCE) as client:
        client.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(3)))
        requests = ended(edge, 3)

    assert [(each.path, each.status) for each in requests] == [("/0", 200), ("/1", 200), ("/2", 200)]


def test_a_proxy_that_was_not_asked_reads_nothing():
    """Its connections are of the plain kind, and toxics on requests are refused with what to do."""
    with proxied(echo) as (edge, _, _):
        with create_connection(edge.listen, timeout=PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert client.recv(100).startswith(b"GET")
        assert eventually(lambda: edge.record().open == 0)

        assert edge.state().http is False
        assert edge.requests().requests == ()
        with pytest.raises(ProxyError, match='create or update it with "http": true'):
            edge.add_toxic("http_status")


def test_http_is_a_field_of_the_proxy():
    """In create, populate and update; shown only where it is on, as other clients know the body."""
    with proxied(echo) as (edge, upstream, server):
        plain = httpx.get(f"{server.url}/proxies/edge").json()
        edge.client.update("edge", http=True)
        listed = httpx.get(f"{server.url}/proxies/edge").json()
        given = [{"name": "p", "upstream": upstream.address, "listen": "127.0.0.1:0", "http": True}]
        made = httpx.post(f"{server.url}/populate", json=given).json()["proxies"][0]
        wrong = httpx.post(f"{server.url}/proxies", json={**given[0], "name": "q", "http": "yes"})

    assert "http" not in plain
    assert listed["http"] is True
    assert made["http"] is True
    assert (wrong.status_code, wrong.json()["error"]) == (
        400,
        "bad request body: http: got a string, want true or false",
    )


def test_populate_that_does_not_speak_of_http_leaves_it_as_it_is():
    """As clients do that do not know it: the proxy is the same, toxics and all. One that says otherwise replaces it."""
    with shop() as (edge, _):
        edge.add_toxic("http_status")
        state = edge.state()
        entry = {"name": "edge", "upstream": state.upstream, "listen": state.listen}
        kept = httpx.post(f"{edge.client.url}/populate", json=[entry]).json()["proxies"][0]
        other = httpx.post(f"{edge.client.url}/populate", json=[entry | {"http": False}]).json()["proxies"][0]

    assert (kept["http"], len(kept["toxics"])) == (True, 1)
    assert ("http" in other, other["toxics"]) == (False, [])


def test_toxics_on_requests_come_with_their_proxy():
    """In one call; where the proxy does not read HTTP, nothing is made."""
    with shop() as (edge, _):
        toxics = [{"type": "http_status", "attributes": {"match": {"first": 1}}}]
        entry = {"name": "new", "listen": "127.0.0.1:0", "upstream": edge.state().upstream, "toxics": toxics}
        refused = httpx.post(f"{edge.client.url}/proxies", json=entry)
        made = httpx.post(f"{edge.client.url}/proxies", json=entry | {"http": True}).json()
        with caller(EdgeProxy(edge.client, "new")) as client:
            answers = [call(client)[0] for _ in range(2)]

    assert (refused.status_code, "http_status needs a proxy that reads HTTP" in refused.json()["error"]) == (400, True)
    assert made["toxics"][0]["attributes"]["match"] == {"first": 1}
    assert answers == [503, 200]


def test_the_log_of_connections_names_toxics_on_requests_that_acted():
    """As it names those on bytes."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_status", name="no", attributes={"match": {"path": "/no"}})
        edge.add_toxic("http_header", name="idle", attributes={"match": {"path": "/nobody"}})
        call(client, path="/no")
        ended(edge, 1)
        (connection,) = edge.connections().connections

    assert connection.touched == ("no",)


def test_the_server_tells_of_requests_without_its_api():
    """The same, from the process that runs it."""
    with EmbeddedToxiproxy() as server, ToxiproxyClient(server.url) as client:
        client.create("edge", "127.0.0.1:0", "127.0.0.1:9", http=True)

        assert server.requests("edge") == client.requests("edge")
        with pytest.raises(ProxyError, match="proxy not found"):
            server.requests("none")


@pytest.mark.parametrize("since", ["-1", "x", "", "9" * 20])
def test_since_must_be_a_number(since):
    """One clear line."""
    with shop() as (edge, _):
        answer = httpx.get(f"{edge.client.url}/proxies/edge/requests", params={"since": since})

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("bad query: since: want a number such as 0")


class Ended:
    """As much of an exchange as the log needs."""

    connection, method, path, status, start, first_byte, end = 1, "GET", "/", 200, 0.0, 0.0, 0.0
    ended, nth, trace_id, request_id, touched_by = "complete", 1, "", "", ()


def test_what_the_ring_forgets_is_counted():
    """Dropped in all, and missed by this reader."""
    log = RequestLog(kept=10)
    for _ in range(25):
        log.add(Ended())
    page = log.page(12)
    late = log.page(22)

    assert (page["dropped"], page["missed"], page["next"]) == (15, 3, 25)
    assert [each["seq"] for each in page["requests"]] == list(range(16, 26))
    assert [each["seq"] for each in late["requests"]] == [23, 24, 25]
    assert (log.page(25)["requests"], log.page(99)["next"]) == ([], 25)


def test_a_long_record_comes_in_pages():
    """A thousand requests each; the client puts them together."""
    log = RequestLog()
    for _ in range(2500):
        log.add(Ended())
    page = log.page(0)

    assert (len(page["requests"]), page["next"], page["more"]) == (1000, 1000, True)
    assert log.page(2000)["more"] is False
    with shop() as (edge, _), caller(edge) as client:
        for _ in range(1203):
            call(client, "HEAD")
        requests = ended(edge, 1203)

    assert [each.seq for each in requests] == list(range(1, 1204))
    assert requests[-1].nth == 1203


def test_kinds_are_bounded():
    """Paths of any number do not take memory of any size."""
    log = RequestLog()
    for number in range(10_050):
        log.nth_of_kind("GET", f"/x{number}")

    assert len(log._kinds) == 10_000
    assert log.nth_of_kind("GET", "/orders/123") == 1
    assert log.nth_of_kind("GET", "/orders/0123abcd-0123-0123-0123-0123456789ab") == 2
