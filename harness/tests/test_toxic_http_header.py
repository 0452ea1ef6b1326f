"""http_header: headers set and removed, the rest as it was."""

import pytest
from http_talk import Talk, chunked, cuts, pieces
from http_wires import TEXT, call, caller, ended, shop
from hypothesis import given


def test_headers_of_an_answer_are_set_and_removed():
    """Whatever their case was; the body is untouched and the connection kept."""
    attributes = {"set": {"X-Cache": "stale", "Server": "none"}, "remove": ["etag"]}
    with shop() as (edge, _), caller(edge) as client:
        plain = call(client)
        edge.add_toxic("http_header", name="t", attributes=attributes)
        changed = call(client)
        edge.remove_toxic("t")
        again = call(client)
        requests = ended(edge, 3)

    assert plain[2]["etag"] == "abc"
    assert (changed[2]["x-cache"], changed[2]["server"], "etag" in changed[2]) == ("stale", "none", False)
    assert "x-cache" not in again[2]
    assert {answer[1] for answer in (plain, changed, again)} == {TEXT}
    assert [each.touched_by for each in requests] == [(), ("t",), ()]


def test_headers_of_a_request_are_set_and_removed():
    """What the upstream gets."""
    attributes = {"set": {"X-User": "7"}, "remove": ["Authorization"], "match": {"method": "POST"}}
    with shop() as (edge, server), caller(edge) as client:
        edge.add_toxic("http_header", stream="upstream", attributes=attributes)
        for method in ("GET", "POST"):
            call(client, method, "/", b"body", {"Authorization": "secret", "X-User": "8"})
    (_, _, first, _), (_, _, second, body) = server.seen

    assert (first["X-User"], first["Authorization"]) == ("8", "secret")
    assert second["X-User"] == "7"
    assert "Authorization" not in second
    assert body == b"body"


def test_removing_what_is_not_there_touches_nothing():
    """The head goes on as it was."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_header", name="t", attributes={"remove": ["X-Nobody"]})
        call(client)

        assert edge.record().touched == {"t": 0}


@given(cuts)
def test_the_change_does_not_depend_on_how_the_bytes_came(where):
    """Behind a toxic that hands the head on in pieces, too."""
    talk = Talk()
    talk.install("http_header", stream="downstream", set={"A": "b"}, remove=["X-Old"])
    body = chunked([b"X-Old: stays in the body\r\n"])
    answer = b"HTTP/1.1 200 OK\r\nx-old: 1\r\nTransfer-Encoding: chunked\r\nX-OLD:2\r\n\r\n" + body
    talk.say([b"GET / HTTP/1.1\r\n\r\n"], pieces(answer, where))

    assert bytes(talk.to_client.taken) == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n" + body


@pytest.mark.parametrize("loop", ["preferred", "asyncio"])
def test_two_of_them_act_in_order(loop):
    """The later one sees what the earlier one did."""
    with shop(loop=loop) as (edge, _), caller(edge) as client:
        edge.add_toxic("http_header", name="one", attributes={"set": {"X-A": "1"}})
        edge.add_toxic("http_header", name="two", attributes={"set": {"X-A": "2"}})
        headers = call(client)[2]

    assert headers["x-a"] == "2"
