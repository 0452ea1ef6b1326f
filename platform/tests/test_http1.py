"""HTTP/1.1: answers read from bytes however they are split, compared with h11, and requests written."""

from __future__ import annotations

import h11
import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resilience.http1 import LARGEST_HEAD, AnswerReader, request_body, request_head

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def read(data, *, method="GET", sizes=(), largest=10_000):
    """The answer in these bytes, which come in parts of these sizes."""
    parts, at = [], 0
    for size in sizes:
        parts.append(data[at : at + size])
        at += size
    parts = [part for part in [*parts, data[at:]] if part]
    return AnswerReader(lambda: parts.pop(0) if parts else b"", largest_body=largest).read(method)


def as_h11_reads(data, method):
    """(status, headers, body, reusable), or None for an error."""
    conn = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
    conn.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    conn.send(h11.EndOfMessage())
    try:
        conn.receive_data(data)
        conn.receive_data(b"")
        head, body = None, b""
        while True:
            event = conn.next_event()
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            elif event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return None
    except h11.RemoteProtocolError:
        return None
    return head.status_code, unframed(head.headers), body


def unframed(headers):
    """Without the fields that say how long the answer is: h11 tidies them up."""
    fields = [(bytes(name).lower(), bytes(value)) for name, value in headers]
    return [field for field in fields if field[0] not in (b"content-length", b"transfer-encoding")]


def ours(data, method, sizes):
    try:
        answer = read(data, method=method, sizes=sizes)
    except httpx.RemoteProtocolError:
        return None
    return answer.status, unframed(answer.headers), answer.body


FIELDS = st.lists(
    st.sampled_from(
        [
            b"Server: x",
            b"X-A: b c",
            b"X-Empty:",
            b"Connection: close",
            b"Connection: keep-alive",
            b"X-Tab:\ta\t",
            b"A: \xe9",
        ]
    ),
    max_size=4,
)


@st.composite
def answers(draw):
    """Answers as servers send them, whole or cut or with a byte changed."""
    body = draw(st.binary(max_size=40))
    framing = draw(st.sampled_from(["length", "chunked", "none", "twice", "wrong", "both"]))
    fields = draw(FIELDS)
    if framing in ("length", "twice"):
        fields += [b"Content-Length: %d" % len(body)] * (2 if framing == "twice" else 1)
    elif framing == "wrong":
        fields += [b"Content-Length: " + draw(st.sampled_from([b"-1", b"x", b"1, 2", b"5 5", b""]))]
    elif framing in ("chunked", "both"):
        fields += [b"Transfer-Encoding: chunked"] + [b"Content-Length: 3"] * (framing == "both")
        cut = draw(st.integers(0, len(body)))
        parts = [part for part in (body[:cut], body[cut:]) if part]
        chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(p), draw(st.sampled_from([b"", b";a=b"])), p) for p in parts)
        body = chunks + b"0\r\n" + draw(st.sampled_from([b"", b"X-Trailer: y\r\n"])) + b"\r\n"
    status = draw(st.sampled_from([b"200 OK", b"204 No Content", b"304 Not Modified", b"404 Not Found", b"503 "]))
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n"]))
    data = interim + b"HTTP/1.1 " + status + b"\r\n" + b"".join(f + b"\r\n" for f in fields) + b"\r\n" + body
    damage = draw(st.sampled_from(["none", "none", "cut", "byte"]))
    at = draw(st.integers(0, len(data)))
    if damage == "cut":
        return data[:at]
    return data[:at] + draw(st.sampled_from([b" ", b"\n", b":", b"x"])) + data[at + 1 :] if damage == "byte" else data


@settings(max_examples=1500)
@given(answers(), st.sampled_from(["GET", "HEAD"]), st.lists(st.integers(1, 30), max_size=8))
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", "GET", [])
@example(b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", "GET", [3])
@example(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "GET", [])
def test_what_is_read_is_what_h11_reads(data, method, sizes):
    """However the bytes are split. Where one of the two refuses, it may be ours alone that does, never h11 alone."""
    expected, got = as_h11_reads(data, method), ours(data, method, sizes)

    if got is not None:
        assert got == expected


@settings(max_examples=300)
@given(answers(), st.lists(st.integers(1, 5), max_size=60))
def test_split_makes_no_difference(data, sizes):
    """Byte by byte, or all at once."""
    assert ours(data, "GET", []) == ours(data, "GET", sizes) == ours(data, "GET", [1] * len(data))


@pytest.mark.parametrize(
    "data",
    [
        WHOLE,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX: y\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE,
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ids=["length", "length twice", "chunked", "interim", "bare line ends", "no reason"],
)
def test_good_answer_is_read_and_leaves_the_connection_usable(data):
    """So that the comparison with h11 does not hold because all is refused."""
    answer = read(data)

    assert (answer.status, answer.body, answer.reusable) == (200, b"hello", True)


@pytest.mark.parametrize(
    ("data", "body"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello", id="ends with the connection"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", id="HTTP/1.0"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 5\r\n\r\nhello", b"hello", id="close"),
        pytest.param(WHOLE + b"HTTP/1.1 200 OK\r\n", b"hello", id="more than was asked"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"",
            id="two lengths",
        ),
    ],
)
def test_connection_that_cannot_be_trusted_is_not_used_again(data, body):
    """The answer is good; what follows it on this connection might be another one's."""
    answer = read(data)

    assert (answer.body, answer.reusable) == (body, False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        WHOLE[:-1],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nBad Name: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 999 X\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
    ],
)
def test_what_is_no_whole_answer_is_an_error(data):
    """Never a shorter answer, never another exception."""
    with pytest.raises(httpx.RemoteProtocolError):
        read(data, sizes=[4096] * 60)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2711\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"3e8\r\n" + b"x" * 1000 + b"\r\n") * 11,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_001,
    ],
    ids=["length", "chunk", "chunks", "to the end"],
)
def test_body_over_the_limit_is_an_error_before_memory_is_spent(data):
    """Whatever way its length is told."""
    with pytest.raises(httpx.RemoteProtocolError, match="more than 10000 bytes"):
        read(data, sizes=[100] * 120)


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        (b"GET", b"/", [(b"X-A", b"b\r\nX-Injected: 1")]),
        (b"GET", b"/", [(b"X-A", b"b\nX")]),
        (b"GET", b"/", [(b"X A", b"b")]),
        (b"GET", b"/", [(b"X\r\nB", b"b")]),
        (b"GET", b"/", [(b"", b"b")]),
        (b"GET", b"/", [(b"X", b"\x00")]),
        (b"GET", b"/ HTTP/1.1\r\nX: y", []),
        (b"GET", b"/a b", []),
        (b"GE T", b"/", []),
    ],
)
def test_request_that_would_arrive_as_another_one_is_refused(method, target, headers):
    """A line end in a header is an injected header, or request."""
    with pytest.raises(httpx.LocalProtocolError):
        request_head(method, target, headers)


@given(st.lists(st.binary(max_size=20), max_size=5), st.booleans())
def test_request_is_read_by_h11_as_it_was_meant(parts, chunked):
    """Head and body, with either kind of length."""
    size = str(sum(map(len, parts)))
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": size}
    headers = httpx.Headers({"Host": "x", "X-A": "b c", **framing})
    server = h11.Connection(h11.SERVER)
    server.receive_data(request_head(b"PUT", b"/a?b=c", headers.raw) + b"".join(request_body(headers, iter(parts))))
    head, body = server.next_event(), b""
    while isinstance(event := server.next_event(), h11.Data):
        body += bytes(event.data)

    assert (head.method, head.target, dict(head.headers)[b"x-a"]) == (b"PUT", b"/a?b=c", b"b c")
    assert (body, type(event)) == (b"".join(parts), h11.EndOfMessage)


@pytest.mark.parametrize(("length", "parts"), [("3", [b"ab"]), ("3", [b"ab", b"cd"]), ("0", [b"a"]), ("x", [b"a"])])
def test_body_that_is_not_as_long_as_announced_is_refused(length, parts):
    """The peer would wait for the rest, or take the rest for the next request."""
    with pytest.raises(httpx.LocalProtocolError, match="Content-Length"):
        list(request_body(httpx.Headers({"Content-Length": length}), iter(parts)))
