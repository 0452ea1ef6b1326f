"""What is not plain HTTP/1.1 is not guessed at: no longer followed, the reason told, every byte passed as it was."""

import pytest
from http_talk import Talk, chunked, cuts, pieces
from hypothesis import given, settings
from hypothesis import strategies as st

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
HUGE = b"X: " + b"y" * 70_000 + b"\r\n"
LENGTH, CODING = b"a Content-Length that is not one number", b"a Transfer-Encoding other than chunked"
REQUESTS = {
    "both lengths": (
        b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "both Content-Length and Transfer-Encoding",
    ),
    "two lengths": (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", LENGTH.decode()),
    "a list of lengths": (b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na", LENGTH.decode()),
    "a signed length": (b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na", LENGTH.decode()),
    "an endless length": (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n", LENGTH.decode()),
    "chunked twice": (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        CODING.decode(),
    ),
    "an unknown coding": (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", CODING.decode()),
    "a hidden coding": (b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", CODING.decode()),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", CODING.decode()),
    "space before the colon": (GET + b"Content-Length : 4\r\n\r\n", "malformed headers"),
    "a folded header": (GET + b"X: a\r\n b\r\n\r\n", "malformed headers"),
    "a bare line feed": (GET + b"X: a\nY: b\r\n\r\n", "malformed headers"),
    "a zero byte": (GET + b"X: a\0b\r\n\r\n", "malformed headers"),
    "a header without a name": (GET + b": a\r\n\r\n", "malformed headers"),
    "a huge head": (GET + HUGE + b"\r\n", "a head of more than 64 KiB"),
    "a huge target": (b"GET /" + b"a" * 70_000, "a head of more than 64 KiB"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "not HTTP/1"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "not HTTP/1"),
    "mail": (b"EHLO me\r\n", "not HTTP/1"),
    "a tunnel": (b"CONNECT a:443 HTTP/1.1\r\n\r\n\x16\x03", "a tunnel (CONNECT)"),
}
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
BODIES = {
    "no size": b"\r\n",
    "not a number": b"zz\r\n",
    "a sign": b"-1\r\n",
    "0x": b"0x5\r\nhello\r\n",
    "an endless size": b"f" * 16 + b"\r\n",
    "more than its size": b"2\r\nabc\r\n",
    "a bare line feed": b"2\nab\r\n",
    "a bare line feed after the data": b"2\r\nab\n0\r\n\r\n",
    "an endless extension": b"2;" + b"a" * 5000,
    "endless trailers": b"0\r\n" + b"A: bcd\r\n" * 10_000,
    "a broken trailer": b"0\r\nno colon\r\n\r\n",
}
ANSWERS = {
    "both lengths": OK + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "no HTTP": b"220 ready\r\n",
    "HTTP/0.9": b"<html>",
    "a broken chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
}
TOXICS = [(), (("http_header", "upstream"), ("http_header", "downstream"))]


@pytest.mark.parametrize("toxics", TOXICS, ids=["plain", "with toxics"])
@pytest.mark.parametrize("case", REQUESTS)
@settings(max_examples=25)
@given(where=cuts)
def test_a_request_with_two_readings_has_none(case, toxics, where):
    """A good request before it is recorded all the same; nothing after it is."""
    strange, reason = REQUESTS[case]
    good = GET + b"\r\n"
    talk = Talk(*toxics)
    talk.say([good], [OK + b"Content-Length: 0\r\n\r\n"])
    talk.say([*pieces(strange, where), good])
    recorded, unread = talk.log()

    assert recorded[0] == ("GET", "/", 200, "complete")
    assert [each[3] for each in recorded[1:]] == ["unread"] * (case == "a tunnel")
    assert unread == {reason: 1}
    assert bytes(talk.to_server.taken) == good + strange + good


@pytest.mark.parametrize("toxics", TOXICS, ids=["plain", "with toxics"])
@pytest.mark.parametrize("case", BODIES)
@settings(max_examples=25)
@given(where=cuts)
def test_a_broken_chunked_body_ends_the_reading(case, toxics, where):
    """Of the request, and of an answer."""
    broken = BODIES[case]
    talk = Talk(*toxics)
    talk.say(pieces(CHUNKED + broken, where))
    other = Talk(*toxics)
    answer = OK + b"Transfer-Encoding: chunked\r\n\r\n" + broken
    other.say([GET + b"\r\n"], pieces(answer, where))

    assert talk.log()[1] == {"a malformed chunked body": 1}
    assert bytes(talk.to_server.taken) == CHUNKED + broken
    assert other.log() == ([("GET", "/", 200, "unread")], {"a malformed chunked body": 1})
    assert bytes(other.to_client.taken) == answer


@pytest.mark.parametrize("toxics", TOXICS, ids=["plain", "with toxics"])
@pytest.mark.parametrize("case", ANSWERS)
@settings(max_examples=25)
@given(where=cuts)
def test_an_answer_that_cannot_be_read_is_recorded_as_unread(case, toxics, where):
    """And passes."""
    talk = Talk(*toxics)
    talk.say([GET + b"\r\n"], pieces(ANSWERS[case], where))
    recorded, unread = talk.log()

    assert [each[3] for each in recorded] == ["unread"]
    assert sum(unread.values()) == 1
    assert bytes(talk.to_client.taken) == ANSWERS[case]


@given(st.lists(st.binary(max_size=200)), st.lists(st.binary(max_size=200)), st.sampled_from(TOXICS))
def test_noise_passes_unchanged(requests, answers, toxics):
    """Whatever it is; what might still become a head is kept only until the stream ends."""
    talk = Talk(*toxics)
    talk.say([piece for piece in requests if piece], [piece for piece in answers if piece])
    talk.conversation.client_ended()
    talk.close()

    assert bytes(talk.to_server.taken) == b"".join(requests)
    assert bytes(talk.to_client.taken) == b"".join(answers)


@given(cuts, cuts)
def test_noise_within_an_exchange_passes_unchanged(where, there):
    """HTTP at first, then not."""
    requests = GET + b"\r\n" + CHUNKED + chunked([b"abc"]) + b"\x00\x01nonsense\r\n\r\n"
    answers = OK + b"Content-Length: 2\r\n\r\nok" + b"more than was asked for\r\n\r\n"
    for toxics in TOXICS:
        talk = Talk(*toxics)
        talk.say(pieces(requests, where), pieces(answers, there))
        talk.conversation.client_ended()
        talk.close()

        assert bytes(talk.to_server.taken) == requests
        assert bytes(talk.to_client.taken) == answers


def test_a_client_that_never_gets_an_answer_is_not_counted_for_ever():
    """Twenty thousand requests without an answer are enough."""
    talk = Talk()
    talk.say([(GET + b"\r\n") * 25_000])

    assert talk.requests.open == 20_000
    assert talk.log()[1] == {"too many requests without an answer": 1}


def test_secrets_in_a_query_are_not_recorded():
    """Nor does a path of any length take memory of any size."""
    talk = Talk()
    talk.say([b"GET http://a/x?token=s3cret#y HTTP/1.1\r\n\r\nGET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n"])
    talk.close()
    first, second = (each[1] for each in talk.log()[0])

    assert first == "/x"
    assert len(second) == 1024
