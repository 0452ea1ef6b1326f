"""The wire, against real sockets: cut, reset and drip-fed answers, kept connections, and the pool afterwards."""

from __future__ import annotations

import socket
import threading
import time

import httpx
import pytest
from scripted_peer import ScriptedServer, refused_url, says, says_nothing, sends

from resilience import Deadline, DeadlineExceededError, EdgePolicy, Wire, client

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG_DRIP = 1500  # at 20 ms each: half a minute, were nobody to cut it


def in_time(url, *, seconds=0.3, wire=None, method="GET", content=None):
    """One request through a deadline over the wire."""
    chain = Deadline(wire or Wire(), seconds=seconds)
    with httpx.Client(transport=chain, timeout=None, trust_env=False) as http:
        return http.request(method, url, content=content)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        pytest.param(sends(HEAD + b"{"), httpx.RemoteProtocolError, id="body truncated"),
        pytest.param(sends(CHUNKED + b"5\r\nhel"), httpx.RemoteProtocolError, id="chunk cut"),
        pytest.param(sends(CHUNKED + b"5\r\nhello\r\n"), httpx.RemoteProtocolError, id="last chunk missing"),
        pytest.param(sends(b"HTTP/1.1 200 OK\r\nConte"), httpx.RemoteProtocolError, id="headers cut"),
        pytest.param(sends(), httpx.RemoteProtocolError, id="closed without an answer"),
        pytest.param(sends(reset=True), httpx.ReadError, id="reset after the request"),
        pytest.param(sends(HEAD + b"{", reset=True), httpx.ReadError, id="reset in the body"),
        pytest.param(sends(b"garbage\r\n\r\n"), httpx.RemoteProtocolError, id="not HTTP"),
    ],
)
def test_broken_answer_is_an_error_of_the_wire_itself(act, error):
    """Not of the reading above it, where no policy would see it; and the pool is clean afterwards."""
    with ScriptedServer(act) as server:
        wire = Wire()
        with pytest.raises(error):
            wire.handle_request(httpx.Request("GET", server.url))

        assert (wire.busy, wire.idle) == (0, 0)
        wire.close()


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(sends(HEAD, *[b"x"] * LONG_DRIP, every=0.02), id="body"),
        pytest.param(sends(b"HTTP/1.1 200 OK\r\n", *[b"X-A: b\r\n"] * LONG_DRIP, every=0.02), id="headers"),
        pytest.param(sends(*[b"H"] * LONG_DRIP, every=0.02), id="status line"),
        pytest.param(sends(CHUNKED, *[b"1\r\nx\r\n"] * LONG_DRIP, every=0.02), id="chunks"),
        pytest.param(says_nothing, id="nothing"),
    ],
)
def test_deadline_cuts_an_answer_fed_in_drops(act):
    """Each read is quick, so that only the total time can end it; the server sees the connection closed."""
    with ScriptedServer(act) as server:
        with pytest.raises(DeadlineExceededError) as caught:
            in_time(server.url)

        assert isinstance(caught.value.__cause__, httpx.ReadTimeout)
        assert server.idle_closed.wait(20)


def test_deadline_cuts_a_request_body_taken_in_drops():
    """A peer that takes a few bytes now and then keeps each write from being late; the whole is cut all the same."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def sip() -> None:
            conn, _ = listener.accept()
            with conn:
                while conn.recv(32768):
                    time.sleep(0.005)
            ended.set()

        threading.Thread(target=sip, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(DeadlineExceededError) as caught:
            in_time(url, method="POST", content=b"x" * 30_000_000)

        assert isinstance(caught.value.__cause__, httpx.WriteTimeout)
        assert ended.wait(60)


def test_waiting_for_a_free_connection_ends_at_the_deadline():
    """The pool is a queue; without this it would be one without a limit."""
    held, release = threading.Event(), threading.Event()

    def hold(sock, received):
        held.set()
        release.wait(60)
        return says(200)(sock, received)

    with ScriptedServer(hold) as server:
        wire = Wire(max_connections=1)
        holder = threading.Thread(target=wire.handle_request, args=(httpx.Request("GET", server.url),))
        holder.start()
        held.wait(60)
        with pytest.raises(DeadlineExceededError) as caught:
            Deadline(wire, seconds=0.1).handle_request(httpx.Request("GET", server.url))
        release.set()
        holder.join()
        wire.close()

        assert isinstance(caught.value.__cause__, httpx.PoolTimeout)


def test_wire_is_usable_after_a_call_was_cut():
    """A cut connection is dropped; the next call gets a new one and the right answer."""
    with ScriptedServer(says_nothing, says(200, b"fine")) as server:
        wire = Wire()
        chain = Deadline(wire, seconds=0.2)
        with pytest.raises(DeadlineExceededError):
            chain.handle_request(httpx.Request("GET", server.url))

        answer = Deadline(wire, seconds=20).handle_request(httpx.Request("GET", server.url))
        assert answer.read() == b"fine"
        assert server.accepted == 2
        wire.close()


def test_connection_is_kept_and_used_again():
    """Two calls, one connection."""
    with ScriptedServer(says(200)) as server:
        wire = Wire(keepalive_expiry=60)
        answers = [wire.handle_request(httpx.Request("GET", server.url)).status_code for _ in range(2)]
        wire.close()

        assert answers == [200, 200]
        assert server.accepted == 1


def test_connection_closed_while_idle_is_no_error():
    """A write that is not safe to repeat goes out on a new connection when the kept one has died."""
    with ScriptedServer(says(200, keep=False), says(201)) as server:
        wire = Wire(keepalive_expiry=60)
        wire.handle_request(httpx.Request("POST", server.url))
        assert server.idle_closed.wait(20)

        assert wire.handle_request(httpx.Request("POST", server.url)).status_code == 201
        assert server.accepted == 2
        wire.close()


def test_refused_connection_is_a_connect_error():
    """The kind of error tells the policies that nothing was sent."""
    wire = Wire()
    with pytest.raises(httpx.ConnectError):
        wire.handle_request(httpx.Request("GET", refused_url()))


def test_name_without_address_is_a_connect_error():
    """`.invalid` never resolves (RFC 6761)."""
    wire = Wire()
    with pytest.raises(httpx.ConnectError):
        wire.handle_request(httpx.Request("GET", "http://nobody.invalid/"))


def test_name_with_several_addresses_is_tried_address_by_address(monkeypatch):
    """The peer listens on the second one only."""
    with ScriptedServer(says(200)) as server:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, server.port)) for ip in ("127.0.0.2", "127.0.0.1")]
        real = socket.getaddrinfo

        def look_up(host, *args, **kwargs):
            return found if host == "peer.test" else real(host, *args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        wire = Wire()

        assert wire.handle_request(httpx.Request("GET", f"http://peer.test:{server.port}/")).status_code == 200
        wire.close()


def test_compressed_answer_is_still_decoded():
    """The body goes up as it came; httpx decodes it."""
    import gzip

    body = gzip.compress(b'{"a": 1}')
    with ScriptedServer(says(200, body, Content_Encoding="gzip")) as server, client(server.url, name="e") as http:
        assert http.get("/").json() == {"a": 1}


@pytest.mark.parametrize("waited", [0.0, 0.4], ids=["at once", "slow"])
def test_without_a_deadline_the_wire_has_no_timeout(waited):
    """A policy switched off is off: every socket operation blocks for as long as it takes."""
    seen = []

    def look(sock, received):
        time.sleep(waited)
        return says(200)(sock, received)

    with ScriptedServer(look) as server:
        off = EdgePolicy(deadline=None, retry=None, breaker=None)
        with client(server.url, off, name="e") as http:
            answer = http.get("/")
            ((connection,),) = http._transport._inner._inner._idle.values()
            seen.append(connection.timeout())

        assert answer.status_code == 200
        assert seen == [None]
        assert "x-request-timeout-ms" not in server.requests[0].headers


def test_callers_own_timeout_still_counts():
    """httpx's timeout of a single request keeps its meaning: per operation."""
    off = EdgePolicy(deadline=None, retry=None, breaker=None)
    with ScriptedServer(says_nothing) as server, client(server.url, off, name="e") as http:
        with pytest.raises(httpx.ReadTimeout):
            http.get("/", timeout=0.1)
        assert len(server.requests) == 1
