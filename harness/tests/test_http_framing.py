"""HTTP as it passes: the same record however the bytes were cut, and every byte as it was."""

import h11
from http_talk import Talk, cuts, pieces, said, talks
from hypothesis import given, settings
from hypothesis import strategies as st

from windtunnel.proxy.http1.answers import Answers
from windtunnel.proxy.http1.head import request_head, request_possible
from windtunnel.proxy.http1.reader import Reader


def expected(talk):
    return [(each.method, each.path, each.status, "complete") for each in talk]


def played(talk, request_cuts, answer_cuts, *toxics, in_turn=False):
    """A conversation that this was said in: everything at once, or one exchange after the other."""
    heard = Talk(*toxics)
    turns = [[each] for each in talk] if in_turn else [talk]
    for turn in turns:
        requests, answers = (b"".join(getattr(each, what) for each in turn) for what in ("request", "answer"))
        heard.say(pieces(requests, request_cuts), pieces(answers, answer_cuts))
    heard.close()
    return heard


@settings(max_examples=400)
@given(talks(), cuts, cuts, st.booleans())
def test_record_does_not_depend_on_how_the_bytes_were_cut(talk, request_cuts, answer_cuts, in_turn):
    """Pipelined or in turn, without a toxic: every exchange recorded, every byte passed."""
    heard = played(talk, request_cuts, answer_cuts, in_turn=in_turn)

    assert heard.log() == (expected(talk), {})
    assert bytes(heard.to_server.taken) == b"".join(each.request for each in talk)
    assert bytes(heard.to_client.taken) == b"".join(each.answer for each in talk)


@settings(max_examples=400)
@given(talks(), cuts, cuts, st.booleans())
def test_toxics_that_change_nothing_change_nothing(talk, request_cuts, answer_cuts, in_turn):
    """With sieves, marks and toxics on bytes between them, in both directions."""
    toxics = [
        (kind, stream) for stream in ("upstream", "downstream") for kind in ("http_header", "noop", "http_header")
    ]
    heard = played(talk, request_cuts, answer_cuts, *toxics, in_turn=in_turn)

    assert heard.log() == (expected(talk), {})
    assert bytes(heard.to_server.taken) == b"".join(each.request for each in talk)
    assert bytes(heard.to_client.taken) == b"".join(each.answer for each in talk)


@settings(max_examples=200)
@given(talks(), cuts, cuts, st.integers(0, 12), st.integers(0, 12))
def test_toxics_may_come_and_go_anywhere(talk, request_cuts, answer_cuts, come, go):
    """In the middle of a head or of a body, too: nothing is lost, doubled or reordered."""
    heard = Talk()
    requests, answers = (b"".join(getattr(each, what) for each in talk) for what in ("request", "answer"))
    steps = [("requests", each) for each in pieces(requests, request_cuts)]
    steps += [("answers", each) for each in pieces(answers, answer_cuts)]
    installed = []
    for number, (what, piece) in enumerate(steps):
        if number == come:
            installed = [heard.install("http_header", stream) for stream in ("upstream", "downstream")]
        if number == come + go:
            heard.rules = ()
            for toxic, link in zip(installed, (heard.up, heard.down), strict=True):
                link.uninstall(toxic)
        heard.say(**{what: [piece]})
    heard.close()

    assert heard.log() == (expected(talk), {})
    assert bytes(heard.to_server.taken) == requests
    assert bytes(heard.to_client.taken) == answers


@settings(max_examples=300)
@given(said())
def test_a_second_opinion_agrees_where_a_request_ends(exchange):
    """h11 finds the same message in the same bytes, complete with the last byte and not before."""
    raw = exchange.request.removeprefix(b"\r\n")  # h11 does not skip a blank line before a request
    other = h11.Connection(h11.SERVER)
    other.receive_data(raw[:-1])
    early = drained(other)
    other.receive_data(raw[-1:])
    late = drained(other)
    reader = Reader(request_possible, skips_blank_lines=True)

    assert not any(isinstance(event, h11.EndOfMessage) for event in early)
    assert any(isinstance(event, h11.EndOfMessage) for event in late)
    assert other.trailing_data == (b"", False)
    assert ends(reader, raw) == [len(raw)]


def drained(connection):
    events = []
    while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        events.append(event)
        if isinstance(event, h11.EndOfMessage):
            break
    return events


def ends(reader, raw):
    """Where messages end, by our reading."""
    found = []
    for offset, head in reader.feed(raw):
        if head is None:
            found.append(offset)
        else:
            reader.body = request_head(head).body
    return found


@settings(max_examples=300)
@given(said(), cuts)
def test_a_second_opinion_agrees_where_an_answer_ends(exchange, where):
    """h11 as the client of that request."""
    other = h11.Connection(h11.CLIENT)
    other.send(h11.Request(method=exchange.method, target=exchange.path, headers=[("Host", "a")]))
    other.send(h11.EndOfMessage())
    other.receive_data(exchange.answer)
    events = drained(other)
    if not isinstance(events[-1], h11.EndOfMessage):
        other.receive_data(b"")  # this one lasts until the connection closes
        events += drained(other)
    talk = Talk()
    talk.say([exchange.request], pieces(exchange.answer, where))
    talk.close()

    assert isinstance(events[-1], h11.EndOfMessage)
    assert other.trailing_data[0] == b""
    assert [event.status_code for event in events if isinstance(event, h11.Response)] == [exchange.status]
    assert talk.log() == (expected([exchange]), {})


def test_a_body_of_any_size_is_not_kept():
    """A hundred megabytes in pieces: what the reader holds never grows."""
    talk = Talk()
    talk.say([b"POST / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n"])
    piece = bytes(1_000_000)
    for _ in range(100):
        talk.conversation.client_said(piece)
        talk.to_server.taken.clear()
        assert len(talk.conversation._requests._kept) == 0
    talk.say((), [b"HTTP/1.1 204 No\r\n\r\n"])

    assert talk.log() == ([("POST", "/", 204, "complete")], {})


def test_an_early_answer_belongs_to_the_request_that_is_still_being_sent():
    """413 before the body is complete."""
    talk = Talk()
    talk.say([b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"], [b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"])

    assert talk.log() == ([("POST", "/", 413, "complete")], {})


def test_an_upgraded_connection_is_followed_no_further():
    """What comes after 101 is somebody else's protocol."""
    talk = Talk()
    talk.say(
        [b"GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
        [b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x02hi"],
    )
    talk.say([b"GET / HTTP/1.1\r\n\r\n"], [b"\x88\x00"])

    assert talk.log() == ([("GET", "/chat", 101, "complete")], {"the connection was upgraded": 1})
    assert talk.to_client.taken.endswith(b"hi\x88\x00")
    assert talk.to_server.taken.endswith(b"GET / HTTP/1.1\r\n\r\n")


def test_an_upgrade_that_the_server_ignores_is_an_exchange_like_any_other():
    """The next request is read as well."""
    talk = Talk()
    ask = b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    talk.say([ask, ask], [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"] * 2)

    assert talk.log() == ([("GET", "/", 200, "complete")] * 2, {})


def test_answers_know_nothing_of_requests_they_were_not_told_of():
    """A server that speaks first is not HTTP."""
    answers = Answers()

    assert answers.head(b"HTTP/1.1 200 OK\r\n\r\n") is None
    assert answers.reader.lost == "an answer without a request"
