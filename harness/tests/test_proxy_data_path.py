"""Without toxics the proxy is a wire: bytes, ends and resets pass as they are."""

import errno
import os
import socket
import struct
import threading

import pytest
from proxy_wires import Upstream, ask, connect, echo, eventually, proxied, read_all, read_exactly

from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient

BLOB = os.urandom(3_000_000)


@pytest.fixture(params=["preferred", "asyncio"])
def loop(request):
    return request.param


def reset_on_close(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_bytes_arrive_unchanged_in_both_directions_at_once(loop):
    """Megabytes each way, echoed while they are still being sent."""
    with proxied(loop=loop) as (edge, _, _), connect(edge) as client:
        sender = threading.Thread(target=client.sendall, args=(BLOB,))
        sender.start()
        received = read_exactly(client, len(BLOB))
        sender.join()

    assert received == BLOB


def test_half_close_is_carried_through_and_the_answer_still_arrives(loop):
    """A client that has said everything may still listen."""

    def answer_at_the_end(sock):
        sock.sendall(b"got %d" % len(read_all(sock)))

    with proxied(answer_at_the_end, loop=loop) as (edge, _, _), connect(edge) as client:
        client.sendall(b"12345")
        client.shutdown(socket.SHUT_WR)
        answer = read_all(client)

    assert answer == b"got 5"


def test_server_that_closes_first_can_still_be_written_to(loop):
    """The half-close of the other direction."""
    heard = []

    def close_and_listen(sock):
        sock.shutdown(socket.SHUT_WR)
        heard.append(read_all(sock))

    with proxied(close_and_listen, loop=loop) as (edge, _, _), connect(edge) as client:
        assert client.recv(10) == b""
        client.sendall(b"late")
        client.shutdown(socket.SHUT_WR)
        assert eventually(lambda: heard)

    assert heard == [b"late"]


def test_reset_by_the_upstream_reaches_the_client_as_a_reset(loop):
    """A clean end instead would make a cut answer look complete."""

    def cut(sock):
        sock.recv(10)
        reset_on_close(sock)

    with proxied(cut, loop=loop) as (edge, _, _), connect(edge) as client:
        client.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            client.recv(10)


def test_reset_by_the_client_reaches_the_upstream_as_a_reset(loop):
    """The same, the other way."""
    seen = []

    def listen(sock):
        try:
            read_all(sock)
            seen.append("end")
        except ConnectionResetError:
            seen.append("reset")

    with proxied(listen, loop=loop) as (edge, _, _):
        with connect(edge) as client:
            client.sendall(b"x")
            # Before the upstream is reached there is nothing to pass a reset on to.
            assert eventually(lambda: edge.record().bytes_up == 1)
            reset_on_close(client)
        assert eventually(lambda: seen)

    assert seen == ["reset"]


def test_unreachable_upstream_ends_the_connection(loop):
    """Accepted, then closed: the proxy cannot refuse what it accepted."""
    with proxied(loop=loop) as (edge, _, _):
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        edge.client.update("edge", upstream=f"127.0.0.1:{port}")
        with connect(edge) as client:
            assert client.recv(10) == b""
        assert eventually(lambda: edge.record().open == 0)

        record = edge.record()

    assert (record.connections, record.forwarded) == (1, 0)


@pytest.mark.parametrize("upstream", ["nowhere", "no-such-host.invalid:80", "127.0.0.1:99999", ""])
def test_upstream_that_is_no_address_ends_the_connection(upstream):
    """The API takes any text, so the data path must."""
    with proxied() as (edge, _, _):
        edge.client.update("edge", upstream=upstream)
        with connect(edge) as client:
            assert client.recv(10) == b""


def full_backlog():
    """A listener whose queue is full: whoever connects next waits."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    queued = []
    for _ in range(3):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        queued.append(sock)
    return listener, queued


def test_black_holed_upstream_does_not_hold_up_other_proxies_and_ends_by_the_dial_timeout():
    """Each connection dials for itself; what the client said meanwhile is kept until then."""
    listener, queued = full_backlog()
    try:
        with proxied(dial_timeout=0.5) as (edge, _, _):
            edge.client.create("hole", "127.0.0.1:0", f"127.0.0.1:{listener.getsockname()[1]}")
            with connect(EdgeProxy(edge.client, "hole")) as waiting, connect(edge) as other:
                waiting.sendall(b"early")
                assert ask(other) == b"ping"
                assert waiting.recv(10) == b""
    finally:
        for sock in (listener, *queued):
            sock.close()


def test_data_sent_before_the_upstream_was_reached_is_kept(loop):
    """Data, and the end after it, as soon as the connection stands."""
    with proxied(loop=loop) as (edge, _, _):
        for _ in range(20):
            with connect(edge) as client:
                client.sendall(b"early")
                client.shutdown(socket.SHUT_WR)
                assert read_all(client) == b"early"


def test_peer_that_does_not_read_stops_the_source(loop):
    """Back-pressure: the proxy does not swallow what nobody takes."""
    sent = []

    def pour(sock):
        sock.settimeout(0.3)
        try:
            while True:
                sent.append(sock.send(bytes(1_000_000)))
        except TimeoutError:
            sent.append(0)

    with proxied(pour, loop=loop) as (edge, _, _), connect(edge):
        assert eventually(lambda: sent and sent[-1] == 0)

    assert sum(sent) < 100_000_000


def test_disabling_ends_open_connections_and_refuses_new_ones_until_enabled_on_the_same_port(loop):
    """`enabled: false` is the toxic `down`."""
    with proxied(loop=loop) as (edge, _, _):
        host, port = edge.listen
        with connect(edge) as client:
            ask(client)
            edge.disable()
            assert client.recv(10) == b""
        with socket.socket() as probe:
            refused = probe.connect_ex((host, port))
        edge.enable()
        with connect(edge) as client:
            assert ask(client) == b"ping"
        assert (refused, edge.listen) == (errno.ECONNREFUSED, (host, port))


def test_port_of_a_disabled_proxy_is_not_given_to_anybody_else():
    """Else enabling could fail because an outgoing connection had been given the port."""
    with proxied() as (edge, _, _):
        address = edge.listen
        edge.disable()
        with socket.socket() as thief, pytest.raises(OSError, match="in use"):
            thief.bind(address)


def test_deleting_a_proxy_ends_its_connections_and_frees_the_port(loop):
    """Nothing of it stays."""
    with proxied(loop=loop) as (edge, _, _):
        address = edge.listen
        with connect(edge) as client:
            ask(client)
            edge.client.delete("edge")
            assert client.recv(10) == b""
        with socket.create_server(address) as taken:
            assert taken.getsockname() == address


def test_changing_the_upstream_ends_connections_and_leads_new_ones_there(loop):
    """Toxics, port and record stay."""

    def greet(sock):
        sock.sendall(b"hello")

    with proxied(loop=loop) as (edge, _, _), Upstream(greet) as other, connect(edge) as client:
        ask(client)
        edge.add_toxic("noop", name="n")
        edge.client.update("edge", upstream=other.address)
        assert client.recv(10) == b""
        with connect(edge) as again:
            assert read_all(again) == b"hello"
        assert [toxic.name for toxic in edge.state().toxics] == ["n"]


def test_host_names_work_on_both_ends():
    """`localhost` is looked up for listening and for dialling."""
    with proxied() as (edge, upstream, _):
        port = upstream.address.rpartition(":")[2]
        state = edge.client.create("named", "localhost:0", f"localhost:{port}")
        with connect(EdgeProxy(edge.client, "named")) as client:
            assert ask(client) == b"ping"

    assert state.listen.startswith("127.0.0.1:")


def test_servers_live_side_by_side_and_leave_no_thread():
    """Several in one process, each with its own proxies."""
    before = threading.active_count()
    with Upstream(echo) as upstream:
        servers = [EmbeddedToxiproxy() for _ in range(4)]
        for server in servers:
            server.start()
            with ToxiproxyClient(server.url) as client:
                client.create("same", "127.0.0.1:0", upstream.address)
                with connect(EdgeProxy(client, "same")) as sock:
                    assert ask(sock) == b"ping"
        for server in servers:
            server.stop()
            server.stop()

    assert threading.active_count() == before


def test_stopping_the_server_ends_connections_that_are_open(loop):
    """Clients, upstreams and half-made connections alike."""
    listener, queued = full_backlog()
    try:
        with Upstream() as upstream, EmbeddedToxiproxy() as server, ToxiproxyClient(server.url) as client:
            client.create("edge", "127.0.0.1:0", upstream.address)
            client.create("hole", "127.0.0.1:0", f"127.0.0.1:{listener.getsockname()[1]}")
            with connect(EdgeProxy(client, "edge")) as talking, connect(EdgeProxy(client, "hole")) as dialling:
                ask(talking)
                server.stop()
                assert (talking.recv(1), dialling.recv(1)) == (b"", b"")
    finally:
        for sock in (listener, *queued):
            sock.close()

    assert server.unhandled == ()


def test_control_port_that_is_taken_is_one_clear_error():
    """And leaves nothing running."""
    before = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = EmbeddedToxiproxy(port=taken.getsockname()[1])
        with pytest.raises(Exception, match="address already in use"):
            server.start()

    assert threading.active_count() == before
