"""Toxics on requests among toxics on bytes, on connections that are open already."""

from contextlib import ExitStack
from socket import create_connection

import pytest
from http_talk import Talk, cuts, pieces
from http_wires import TEXT, call, caller, ended, shop
from hypothesis import given, settings
from proxy_wires import PATIENCE, eventually

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ON_BYTES = [("latency", {"latency": 5}), ("bandwidth", {"rate": 50}), ("limit_data", {"bytes": 10**9}), ("noop", {})]


@pytest.mark.parametrize("before", [True, False], ids=["behind", "before"])
@pytest.mark.parametrize(("kind", "attributes"), ON_BYTES, ids=[kind for kind, _ in ON_BYTES])
def test_every_toxic_on_bytes_carries_the_marks_of_requests(kind, attributes, before):
    """Pipelined, so that one chunk holds several messages; each message is still found."""
    with shop() as (edge, _), create_connection(edge.listen, timeout=PATIENCE) as client:
        for turn in (before, not before):
            if turn:
                edge.add_toxic(kind, stream="downstream", attributes=attributes)
            else:
                edge.add_toxic("http_header", attributes={"set": {"X-Seen": "1"}, "match": {"every": 2}})
        client.sendall(GET * 4)
        requests = ended(edge, 4)
        got = client.recv(1 << 20)
        while got.count(TEXT) < 4:
            got += client.recv(1 << 20)

    assert [bool(each.touched_by) for each in requests] == [False, True, False, True]
    assert got.count(b"X-Seen: 1\r\n") == 2


@settings(max_examples=100)
@given(cuts)
def test_marks_are_where_they_belong_behind_a_toxic_that_slices(where):
    """Bandwidth cuts chunks into pieces; the toxic behind it is told of the same messages."""
    talk = Talk()
    talk.install("noop")
    slicing = talk.down._stages[0]
    slicing.toxic.data = lambda chunk: [slicing.send(chunk[n : n + 3]) for n in range(0, len(chunk), 3)]
    talk.install("http_header", set={"A": "b"}, match={"nth": 2})
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
    talk.say([GET * 3], pieces(answer * 3, where))

    assert bytes(talk.to_client.taken) == answer + answer.replace(b"\r\n\r\n", b"\r\nA: b\r\n\r\n") + answer


def test_added_between_two_requests_of_open_connections_it_acts_on_the_next():
    """On every one of them, and no more once it is removed."""
    with shop() as (edge, _), ExitStack() as stack:
        clients = [stack.enter_context(caller(edge)) for _ in range(5)]
        first = [call(client)[0] for client in clients]
        edge.add_toxic("http_status", name="t")
        second = [call(client)[0] for client in clients]
        edge.remove_toxic("t")
        third = [call(client)[0] for client in clients]
        connections = edge.record().connections

    assert (first, second, third) == ([200] * 5, [503] * 5, [200] * 5)
    assert connections == 5


def test_added_in_the_middle_of_a_request_it_leaves_that_one_alone():
    """Its head has passed already."""
    with shop() as (edge, server), create_connection(edge.listen, timeout=PATIENCE) as client:
        client.sendall(GET[:10])
        assert eventually(lambda: edge.record().bytes_up == 10)
        edge.add_toxic("http_status", name="t")
        client.sendall(GET[10:] + GET)
        requests = ended(edge, 2)

    assert [(each.status, each.touched_by) for each in requests] == [(200, ()), (503, ("t",))]
    assert len(server.seen) == 1


def test_all_of_them_at_once_act_on_their_own_requests():
    """Ten connections in turn, and every byte accounted for."""
    with shop() as (edge, _), ExitStack() as stack:
        edge.add_toxic("latency", attributes={"latency": 1})
        edge.add_toxic("http_status", attributes={"match": {"path": "/status"}})
        edge.add_toxic("http_delay", attributes={"delay": 5, "match": {"path": "/delay"}})
        edge.add_toxic("http_header", attributes={"set": {"X-A": "b"}, "match": {"path": "/header"}})
        edge.add_toxic("http_corrupt_body", attributes={"match": {"path": "/corrupt"}})
        edge.add_toxic("http_truncate", attributes={"bytes": 5, "match": {"path": "/truncate"}})
        edge.add_toxic("http_lose_answer", attributes={"match": {"path": "/lose"}})
        seen = set()
        for client in [stack.enter_context(caller(edge)) for _ in range(10)]:
            for path in ("/", "/status", "/delay", "/header", "/corrupt", "/truncate", "/lose"):
                answer = call(client, path=path)
                seen.add((path, answer if isinstance(answer, str) else answer[0]))
        touched = edge.record().touched

    assert seen == {
        ("/", 200),
        ("/status", 503),
        ("/delay", 200),
        ("/header", 200),
        ("/corrupt", 200),
        ("/truncate", "IncompleteRead"),
        ("/lose", "ConnectionResetError"),
    }
    assert {count for name, count in touched.items() if name.startswith("http")} == {10}
