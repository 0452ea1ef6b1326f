"""http_truncate: so much of the body, and no connection any more."""

from socket import create_connection

import pytest
from http_talk import Talk, cuts, pieces
from http_wires import TEXT, call, caller, ended, shop
from hypothesis import given
from proxy_wires import PATIENCE, read_all


def cut(edge, path, **attributes):
    """What a caller gets of the answer: (bytes of body, how the connection ended)."""
    edge.add_toxic("http_truncate", name="t", attributes={**attributes, "match": {"path": path}})
    got = bytearray()
    with create_connection(edge.listen, timeout=PATIENCE) as client:
        client.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
        try:
            while data := client.recv(65536):
                got += data
            end = "close"
        except ConnectionResetError:
            end = "reset"
    return bytes(got).partition(b"\r\n\r\n")[2], end


CASES = {
    "bytes": ({"bytes": 50}, "/", TEXT[:50]),
    "no byte": ({}, "/", b""),
    "a fraction": ({"fraction": 0.5}, "/", TEXT[: len(TEXT) // 2]),
    "bytes of chunks": ({"bytes": 10}, "/chunked", b"64\r\n" + TEXT[:6]),
}


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("case", CASES)
def test_exactly_so_much_of_the_body_arrives(case, then):
    """Then the connection closes, or is reset; and the record says so."""
    attributes, path, expected = CASES[case]
    with shop() as (edge, server):
        got, end = cut(edge, path, **attributes, then=then)
        (request,) = ended(edge, 1)
        touched = edge.record().touched

    assert (got, end) == (expected, then)
    assert (request.status, request.ended, request.touched_by) == (200, "cut" if then == "close" else "reset", ("t",))
    assert touched == {"t": 1}
    assert len(server.seen) == 1


def test_a_fraction_of_a_body_without_a_length_is_measured_first():
    """Chunks are held until the body is complete; the share is of the bytes on the wire."""
    with shop() as (edge, _):
        got, _ = cut(edge, "/chunked", fraction=0.5)
        edge.client.reset()
        with create_connection(edge.listen, timeout=PATIENCE) as client:
            client.sendall(b"GET /chunked HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            whole = read_all(client).partition(b"\r\n\r\n")[2]

    assert got == whole[: len(whole) // 2]


def test_a_body_that_is_short_enough_is_not_cut():
    """Nor one that is not there; the connection is kept, and nothing was touched."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_truncate", name="t", attributes={"bytes": len(TEXT)})
        answers = [call(client)[0], call(client, "HEAD")[0], call(client)[0]]
        touched = edge.record().touched
        connections = edge.record().connections

    assert answers == [200, 200, 200]
    assert touched == {"t": 0}
    assert connections == 1


def test_a_request_can_be_cut_as_well():
    """The upstream gets less than it was promised, and the caller no answer."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_truncate", name="t", stream="upstream", attributes={"bytes": 3})
        answer = call(client, "POST", "/", b"abcdef")
        (request,) = ended(edge, 1)

    assert answer in ("RemoteDisconnected", "ConnectionResetError")
    assert (request.status, request.ended, request.touched_by) == (None, "no_answer", ("t",))


@given(cuts)
def test_where_it_is_cut_does_not_depend_on_how_the_answer_came(where):
    """Byte for byte."""
    talk = Talk(("http_truncate", "downstream", 1.0))
    talk.down._stages[0].toxic.settings = talk.rules[0].settings.read({"bytes": 7}, None)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
    talk.say([b"GET / HTTP/1.1\r\n\r\n"], pieces(head + b"0123456789" * 2, where))

    assert bytes(talk.to_client.taken) == head + b"0123456"
    assert talk.ended == [talk.down]
