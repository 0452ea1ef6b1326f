"""The control port gets whatever a network sends: one error, and nothing else happens."""

import os
import re
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proxy_wires import PATIENCE, read_all

from windtunnel.proxy import EmbeddedToxiproxy


@pytest.fixture(scope="module")
def server():
    with EmbeddedToxiproxy() as server:
        yield server
    assert server.unhandled == ()


def say(server, data, *, close=True):
    """Send bytes, and read what comes until the server closes."""
    with socket.create_connection((server.host, server.port), timeout=PATIENCE) as sock:
        try:
            sock.sendall(data)
            if close:
                sock.shutdown(socket.SHUT_WR)
            return read_all(sock)
        except OSError:
            return b""


def request(line="GET /version HTTP/1.1", *headers, body=b""):
    return "\r\n".join([line, "Host: x", *headers, "", ""]).encode() + body


def statuses(answer):
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET /version\r\n\r\n", 400),
        (b"GET  /version HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"get /version HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /version HTTP/1.1\r\n\r\n", 400),
        (b"GET version HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /proxies/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /proxies/a% HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (request("GET /version HTTP/1.1", "no colon"), 400),
        (request("GET /version HTTP/1.1", "Bad Name: 1"), 400),
        (request("GET /version HTTP/1.1", "X: 1", " folded"), 400),
        (request("GET /version HTTP/1.1", "X: \x00"), 400),
        (request("GET /" + "a" * 20_000 + " HTTP/1.1"), 431),
        (request("GET /version HTTP/1.1", *[f"X-{n}: {'a' * 100}" for n in range(500)]), 431),
        (request("POST /proxies HTTP/1.1", "Content-Length: -1"), 400),
        (request("POST /proxies HTTP/1.1", "Content-Length: 1e3"), 400),
        (request("POST /proxies HTTP/1.1", "Content-Length: 2", "Content-Length: 3", body=b"{}"), 400),
        (request("POST /proxies HTTP/1.1", "Content-Length: 99999999999999999999999"), 413),
        (request("POST /proxies HTTP/1.1", "Content-Length: 1048577"), 413),
        (request("POST /proxies HTTP/1.1", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 501),
    ],
)
def test_what_is_no_request_gets_one_error_and_is_closed(server, data, status):
    """Nothing is guessed where two readings are possible."""
    answer = say(server, data, close=False)

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert len(statuses(answer)) == 1


def test_headers_without_an_end_are_refused_at_the_limit(server):
    """Megabytes are not collected first."""
    answer = say(server, b"GET /version HTTP/1.1\r\n" + b"X: y\r\n" * 4000, close=False)

    assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""


def test_several_requests_on_one_connection_are_answered_in_order(server):
    """Keep-alive and pipelining, a body in between, until one asks to close."""
    data = (
        request("GET /version HTTP/1.1")
        + request("POST /populate HTTP/1.1", "Content-Length: 2", body=b"[]")
        + request("GET /proxies?x=1 HTTP/1.1")
        + request("GET http://any/version HTTP/1.1", "Connection: close")
        + request("GET /never HTTP/1.1")
    )
    answer = say(server, data, close=False)

    assert statuses(answer) == [b"200", b"201", b"200", b"200"]


def test_request_may_arrive_byte_by_byte(server):
    """However the network cuts it."""
    with socket.create_connection((server.host, server.port), timeout=PATIENCE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request("POST /populate HTTP/1.1", "Content-Length: 2", "Connection: close", body=b"[]"):
            sock.sendall(bytes([byte]))
        answer = read_all(sock)

    assert answer.startswith(b"HTTP/1.1 201 Created\r\n")


def test_http_1_0_is_served_and_closed(server):
    """Without a Host header, as it knows none."""
    answer = say(server, b"GET /version HTTP/1.0\r\n\r\n", close=False)

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_expect_100_continue_is_answered_before_the_body(server):
    """Some clients wait for it."""
    with socket.create_connection((server.host, server.port), timeout=PATIENCE) as sock:
        sock.sendall(
            request("POST /populate HTTP/1.1", "Content-Length: 2", "Expect: 100-continue", "Connection: close")
        )
        first = sock.recv(100)
        sock.sendall(b"[]")
        answer = read_all(sock)

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.startswith(b"HTTP/1.1 201 ")


def test_client_that_never_reads_its_answers_holds_up_nobody(server):
    """Its requests stop being served once its buffer is full; others go on."""
    with socket.create_connection((server.host, server.port), timeout=PATIENCE) as greedy:
        greedy.settimeout(0.3)
        try:
            while True:
                greedy.sendall(request("GET /version HTTP/1.1") * 1000)
        except TimeoutError:
            pass
        answer = say(server, request("GET /version HTTP/1.1", "Connection: close"), close=False)

    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_client_that_leaves_in_the_middle_of_a_request_leaves_nothing_behind(server):
    """Nor does one that says nothing."""
    say(server, b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
    say(server, b"")

    assert server.unhandled == ()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=300), st.builds(lambda text: request(f"GET /{text} HTTP/1.1"), st.text())))
def test_random_bytes_get_an_answer_or_a_close_and_the_server_lives_on(server, data):
    """And no error goes unhandled."""
    answer = say(server, data)

    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert server.unhandled == ()


def test_random_megabyte_does_no_harm(server):
    """More than the limits, of nothing."""
    say(server, b"G" + os.urandom(1_000_000))
    answer = say(server, request("GET /version HTTP/1.1", "Connection: close"), close=False)

    assert answer.startswith(b"HTTP/1.1 200 OK")
