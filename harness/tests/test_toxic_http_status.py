"""http_status: the proxy answers, the upstream never knows, and the connection goes on."""

import time
from contextlib import suppress
from socket import SHUT_RDWR, create_connection
from threading import Thread

import pytest
from http_wires import TEXT, call, caller, ended, shop, statuses
from proxy_wires import PATIENCE, eventually, read_all

GET = b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n"


def test_the_proxy_answers_and_the_upstream_never_sees_the_request():
    """Status, body, type and Retry-After as asked for, on a connection that is kept; gone with the toxic."""
    attributes = {"status": 429, "body": "später", "retry_after": 7, "match": {"path": "/pay"}}
    with shop() as (edge, server), caller(edge) as client:
        before = call(client, "POST", "/pay", b"{}")[0]
        edge.add_toxic("http_status", name="no", attributes=attributes)
        status, body, headers = call(client, "POST", "/pay", b"x" * 100_000)
        other = call(client, "GET", "/")[0]
        edge.remove_toxic("no")
        after = call(client, "POST", "/pay")[0]
        requests = ended(edge, 4)
        touched = edge.record().touched

    assert (before, status, other, after) == (200, 429, 200, 200)
    assert body.decode() == "später"
    assert (headers["retry-after"], headers["content-type"]) == ("7", "text/plain; charset=utf-8")
    assert [path for _, path, _, _ in server.seen] == ["/pay", "/", "/pay"]
    assert [(each.status, each.touched_by, each.ended) for each in requests] == [
        (200, (), "complete"),
        (429, ("no",), "complete"),
        (200, (), "complete"),
        (200, (), "complete"),
    ]
    assert {each.connection for each in requests} == {1}
    assert touched == {"no": 1}


@pytest.mark.parametrize(("status", "method"), [(503, "HEAD"), (204, "GET"), (304, "GET"), (205, "GET")])
def test_where_http_allows_no_body_none_is_sent(status, method):
    """The next request on the same connection shows that the framing was right."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_status", attributes={"status": status, "body": "text", "match": {"first": 1}})
        first, second = call(client, method), call(client)

    assert (first[0], first[1]) == (status, b"")
    assert (second[0], second[1]) == (200, TEXT)


def test_pipelined_requests_are_answered_in_their_order():
    """The one in the middle by the proxy, although it could answer at once."""
    with shop() as (edge, server), create_connection(edge.listen, timeout=PATIENCE) as client:
        edge.add_toxic("http_status", attributes={"body": "no", "match": {"path": "/b"}})
        client.sendall(b"".join(GET % path for path in (b"a", b"b", b"chunked", b"b", b"c")))
        requests = ended(edge, 5)

    assert [(each.path, each.status) for each in requests] == [
        ("/a", 200),
        ("/b", 503),
        ("/chunked", 200),
        ("/b", 503),
        ("/c", 200),
    ]
    assert [path for _, path, _, _ in server.seen] == ["/a", "/chunked", "/c"]


@pytest.mark.parametrize("line", [b"Connection: close\r\n", b"Expect: 100-continue\r\nContent-Length: 5\r\n"])
def test_a_connection_that_cannot_be_kept_is_closed_after_the_answer(line):
    """The caller said so; or it waits for leave to send its body, and may or may not send it now."""
    with shop() as (edge, server), create_connection(edge.listen, timeout=PATIENCE) as client:
        edge.add_toxic("http_status", attributes={"body": "no"})
        client.sendall(b"POST / HTTP/1.1\r\n" + line + b"\r\n")
        answer = read_all(client)

    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"Connection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\nno")
    assert server.seen == []


def test_toxics_on_bytes_act_on_the_proxy_s_own_answer():
    """Whether they were added before it or after it."""
    with shop() as (edge, _), caller(edge) as client:
        for order in (["latency", "http_status"], ["http_status", "latency"]):
            for kind in order:
                edge.add_toxic(kind, attributes={"latency": 60} if kind == "latency" else {})
            assert call(client)[0] == 503
            edge.client.reset()
        requests = ended(edge, 2)

    assert all(each.seconds >= 0.06 for each in requests)


def test_a_caller_that_reads_no_answers_is_not_read_either():
    """A gigabyte of answers is not kept for it; they come as it reads."""
    count, size = 40_000, 32 * 1024
    with shop() as (edge, _), create_connection(edge.listen, timeout=PATIENCE) as client:
        edge.add_toxic("http_status", attributes={"body": "x" * size})
        sender = Thread(target=send, args=(client, (GET % b"a") * count))
        sender.start()
        given = settled(lambda: edge.record().bytes_down)
        missing = 3 * given
        while missing > 0:
            missing -= len(client.recv(min(missing, 1 << 20)))
        more = edge.record().bytes_down
        client.shutdown(SHUT_RDWR)
        sender.join()

    assert 0 < given < 50_000_000
    assert more >= 3 * given


def send(sock, data):
    with suppress(OSError):
        sock.sendall(data)


def settled(look):
    """The value once it no longer changes."""
    last = [None]

    def same():
        before, last[0] = last[0], look()
        time.sleep(0.05)
        return before == last[0] and last[0]

    return eventually(same)


def test_first_toxic_that_answers_answers():
    """Only one is asked; when it no longer wants to, the next is."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_status", name="one", attributes={"status": 500, "match": {"first": 2}})
        edge.add_toxic("http_status", name="two", attributes={"status": 502, "match": {"first": 2}})
        seen = statuses(client, *["/"] * 5)
        touched = edge.record().touched

    assert seen == [500, 500, 502, 502, 200]
    assert touched == {"one": 2, "two": 2}


def test_an_update_acts_on_the_next_request():
    """Attributes that are not given stay as they are."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_status", name="t", attributes={"status": 500, "body": "b"})
        first = call(client)[:2]
        edge.update_toxic("t", attributes={"status": 501})
        second = call(client)[:2]

    assert (first, second) == ((500, b"b"), (501, b"b"))


def test_removed_while_a_request_is_coming_in_it_still_answers_that_one():
    """Half of it was swallowed; the upstream could make nothing of the rest."""
    with shop() as (edge, server), create_connection(edge.listen, timeout=PATIENCE) as client:
        edge.add_toxic("http_status", name="t")
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        assert eventually(lambda: edge.requests().open == 1)
        edge.remove_toxic("t")
        client.sendall(b"cd" + GET % b"next")
        requests = ended(edge, 2)

    assert [(each.path, each.status) for each in requests] == [("/", 503), ("/next", 200)]
    assert [path for _, path, _, _ in server.seen] == ["/next"]
