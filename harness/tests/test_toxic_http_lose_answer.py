"""http_lose_answer: the upstream did it, the caller cannot know."""

import pytest
from http_wires import call, caller, ended, shop
from proxy_wires import eventually


@pytest.mark.parametrize("path", ["/", "/chunked", "/close"])
def test_the_effect_is_done_and_the_answer_is_lost(path):
    """A reset, once the answer was complete; other requests of the same edge are answered."""
    with shop() as (edge, server), caller(edge) as client:
        edge.add_toxic("http_lose_answer", name="t", attributes={"match": {"method": "POST"}})
        first = call(client, "GET", "/first")[0]
        lost = call(client, "POST", path, b"charge")
        after = call(client, "GET", "/after")[0]
        requests = ended(edge, 3)
        touched = edge.record().touched

    assert (first, lost, after) == (200, "ConnectionResetError", 200)
    assert [(method, body) for method, _, _, body in server.seen] == [("GET", b""), ("POST", b"charge"), ("GET", b"")]
    assert [(each.status, each.ended, each.touched_by) for each in requests] == [
        (200, "complete", ()),
        (None, "reset", ("t",)),
        (200, "complete", ()),
    ]
    assert touched == {"t": 1}


def test_a_caller_can_be_left_hanging():
    """Nothing comes and nothing closes, until the caller has enough."""
    with shop() as (edge, server), caller(edge) as client:
        edge.add_toxic("http_lose_answer", name="t", attributes={"then": "hang"})
        client.timeout = 0.15
        lost = call(client)
        (request,) = ended(edge, 1)

    assert lost == "TimeoutError"
    assert len(server.seen) == 1
    assert (request.status, request.ended, request.touched_by) == (None, "no_answer", ("t",))


def test_removing_it_ends_the_connections_that_hang():
    """Bytes are missing from them; new ones are sound."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_lose_answer", name="t", attributes={"then": "hang"})
        client.request("GET", "/")
        assert eventually(lambda: edge.record().touched["t"])
        edge.remove_toxic("t")
        with pytest.raises(ConnectionError):
            client.getresponse()
        client.close()

        assert call(client)[0] == 200


def test_removing_it_leaves_connections_alone_on_which_nothing_was_lost():
    """They are kept."""
    with shop() as (edge, _), caller(edge) as client:
        call(client)
        edge.add_toxic("http_lose_answer", name="t", attributes={"match": {"path": "/other"}})
        call(client)
        edge.remove_toxic("t")
        call(client)

        assert edge.record().connections == 1


def test_an_answer_of_the_proxy_s_own_is_not_lost():
    """Nothing would have been done: the toxic is not even asked."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_lose_answer", name="lose", attributes={"match": {"first": 1}})
        edge.add_toxic("http_status", name="say", attributes={"match": {"first": 1}})
        answers = [call(client)[0], call(client), call(client)[0]]
        touched = edge.record().touched

    assert answers == [503, "ConnectionResetError", 200]
    assert touched == {"lose": 1, "say": 1}


def until_reset(sock):
    got = bytearray()
    try:
        while data := sock.recv(65536):
            got += data
    except ConnectionResetError:
        return bytes(got)
    return pytest.fail("the connection was closed, not reset")


def test_answers_before_it_still_arrive():
    """Pipelined: the first is complete before the reset for the second."""
    with shop() as (edge, _), caller(edge) as client:
        client.connect()
        edge.add_toxic("http_lose_answer", attributes={"match": {"path": "/b"}})
        client.sock.sendall(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        got = until_reset(client.sock)

    assert got.count(b"HTTP/1.1 200") == 1
