"""The wire, against real sockets: cut, reset and drip-fed answers, kept connections, and the pool afterwards."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from scripted_peer import ManualClock, ScriptedServer, read_requests, refused_url, says, says_nothing, sends

from resilience import Deadline, DeadlineExceededError, EdgePolicy, Instance, SettingsError, Wire, client
from resilience.instance import send_to

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


CERTIFICATE = Path(__file__).parent / "tls" / "peer.test.pem"
"""A key and a certificate for the host name peer.test, made for this test, good for a hundred years."""


@contextmanager
def tls_server(act):
    """The scripted server behind TLS, as peer.test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with ScriptedServer(act) as inner, socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            raw, _ = listener.accept()
            with suppress(OSError), context.wrap_socket(raw, server_side=True) as sock:
                for received in read_requests(sock.makefile("rb")):
                    inner.requests.append(received)
                    if not act(sock, received):
                        break

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], inner
        thread.join(20)


def trusting():
    """A wire that trusts the test's certificate and nobody else."""
    return Wire(ssl_context=ssl.create_default_context(cafile=str(CERTIFICATE)))


def over_tls(port, name="peer.test"):
    """A request to that name, which goes to loopback all the same."""
    request = httpx.Request("GET", f"https://{name}:{port}/")
    send_to(request, Instance("127.0.0.1", port))
    return request


def test_tls_is_spoken_and_the_name_is_the_urls():
    """The certificate is for the service, not for the instance's address."""
    with tls_server(says(200, b"secret")) as (port, server):
        wire = trusting()

        assert wire.handle_request(over_tls(port)).read() == b"secret"
        assert wire.handle_request(over_tls(port)).read() == b"secret"
        assert server.requests[0].headers["host"] == f"peer.test:{port}"
        wire.close()


def test_certificate_of_another_name_is_a_connect_error():
    """And so the request was certainly not sent."""
    with tls_server(says(200)) as (port, server):
        with pytest.raises(httpx.ConnectError, match="mismatch"):
            trusting().handle_request(over_tls(port, "other.test"))

        assert server.requests == []


def test_deadline_cuts_a_body_fed_in_drops_over_tls():
    """TLS hides the drops from nobody."""
    drip = sends(HEAD, *[b"x"] * LONG_DRIP, every=0.02)
    with tls_server(drip) as (port, _), pytest.raises(DeadlineExceededError):
        Deadline(trusting(), seconds=0.5).handle_request(over_tls(port))


def test_deadline_cuts_a_handshake_that_is_never_answered():
    """A connection that is taken and then left alone."""
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(DeadlineExceededError) as caught:
        Deadline(trusting(), seconds=0.2).handle_request(over_tls(listener.getsockname()[1]))

    assert isinstance(caught.value.__cause__, httpx.ConnectTimeout)


def test_answer_that_comes_before_the_body_is_taken_is_read():
    """A peer that refuses a large upload half way says why, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse():
            sock, _ = listener.accept()
            with sock:
                sock.recv(1000)
                sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!")
            # Closed with much of the request unread: a reset follows the answer.

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        answer = in_time(url, seconds=20, method="POST", content=b"x" * 5_000_000)
        thread.join(20)

    assert (answer.status_code, answer.text) == (413, "no!")


def test_body_in_parts_arrives_whole():
    """Chunked, since nobody knows its length."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        got = []

        def take():
            sock, _ = listener.accept()
            with sock, sock.makefile("rb") as stream:
                while not got or not got[-1].endswith(b"0\r\n\r\n"):
                    got.append(b"".join([*got[-1:], stream.read1()]))
                sock.sendall(b"HTTP/1.1 204 X\r\n\r\n")

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        answer = in_time(url, seconds=20, method="PUT", content=iter([b"ab", b"", b"c" * 16]))
        thread.join(20)

    assert answer.status_code == 204
    assert got[-1].endswith(b"\r\n\r\n2\r\nab\r\n10\r\n" + b"c" * 16 + b"\r\n0\r\n\r\n")


@pytest.mark.parametrize("status", [204, 304])
def test_answer_without_a_body_keeps_its_connection(status):
    """Although it announces one, as a 304 may."""

    def act(sock, _):
        sock.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status)
        return True

    with ScriptedServer(act) as server:
        wire = Wire()
        for _ in range(2):
            assert wire.handle_request(httpx.Request("GET", server.url)).read() == b""
        wire.close()

        assert server.accepted == 1


def test_answer_that_is_too_large_is_refused_and_its_connection_dropped():
    """A peer that has gone mad must not take our memory with it."""
    with ScriptedServer(says(200, b"x" * 1001)) as server:
        wire = Wire(largest_body=1000)
        with pytest.raises(httpx.RemoteProtocolError, match="more than 1000 bytes"):
            wire.handle_request(httpx.Request("GET", server.url))

        assert (wire.busy, wire.idle) == (0, 0)


def test_connection_past_its_time_is_not_used_again():
    """The peer may close it at any moment, and then nobody knows what became of a request."""
    clock = ManualClock()
    with ScriptedServer(says(200)) as server:
        wire = Wire(keepalive_expiry=5, clock=clock)
        for wait in (0, 4.9, 5.0):
            clock.now += wait
            wire.handle_request(httpx.Request("GET", server.url))

        assert (server.accepted, wire.idle) == (2, 1)
        wire.close()
        assert wire.idle == 0


def test_idle_connections_count_among_the_most():
    """Two peers, room for one connection: the idle one to the first makes way."""
    with ScriptedServer(says(200)) as one, ScriptedServer(says(200)) as other:
        wire = Wire(max_connections=1)
        wire.handle_request(httpx.Request("GET", one.url))
        wire.handle_request(httpx.Request("GET", other.url))

        assert wire.idle == 1
        assert one.idle_closed.wait(20)
        wire.close()


def test_drained_instance_loses_its_connections():
    """The idle one now, the one in use after its answer; others stay."""
    inside, go = threading.Event(), threading.Event()

    def hold(sock, received):
        if received.line.startswith("PUT"):
            inside.set()
            go.wait(60)
        return says(200)(sock, received)

    with ScriptedServer(hold) as server, ScriptedServer(says(200)) as other:
        wire, answers = Wire(), []
        wire.handle_request(httpx.Request("GET", other.url))

        def put():
            answers.append(wire.handle_request(httpx.Request("PUT", server.url)).status_code)

        thread = threading.Thread(target=put)
        thread.start()
        assert inside.wait(20)
        wire.handle_request(httpx.Request("GET", server.url))
        assert (wire.busy, wire.idle) == (1, 2)
        wire.drain(Instance("127.0.0.1", server.port))
        assert (wire.busy, wire.idle) == (1, 1)
        go.set()
        thread.join(20)

        assert answers == [200]
        assert (wire.busy, wire.idle) == (0, 1)
        wire.close()


def test_eight_threads_over_three_connections_get_their_own_answers():
    """Never more connections than allowed; nobody gets what another one asked for."""
    with ScriptedServer(lambda sock, got: says(200, got.line.split()[1].encode())(sock, got)) as server:
        wire, wrong = Wire(max_connections=3), []

        def work(n):
            for i in range(40):
                path = f"/{n}/{i}"
                if wire.handle_request(httpx.Request("GET", server.url + path)).read().decode() != path:
                    wrong.append(path)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert (wrong, len(server.requests)) == ([], 320)
        assert server.accepted <= 3
        wire.close()


def test_proxies_of_the_environment_are_ignored(monkeypatch):
    """A call between two services of one system goes nowhere else."""
    monkeypatch.setenv("HTTP_PROXY", refused_url())
    monkeypatch.setenv("ALL_PROXY", refused_url())
    with ScriptedServer(says(200)) as server, client(server.url, name="e") as http:
        assert http.get("/").status_code == 200


def test_other_scheme_is_refused():
    """In httpx's words."""
    with pytest.raises(httpx.UnsupportedProtocol, match="ftp"):
        Wire().handle_request(httpx.Request("GET", "ftp://peer/"))


@pytest.mark.parametrize(
    ("values", "message"),
    [({"max_connections": 0}, "wire.max_connections"), ({"largest_body": 0}, "wire.largest_body")],
)
def test_setting_out_of_range_is_refused(values, message):
    """It names itself."""
    with pytest.raises(SettingsError, match=message):
        Wire(**values)
