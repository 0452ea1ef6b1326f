"""The typed client: what it sends, what it returns, and that every failure is a `ProxyError` with its status."""

import socket
import threading

import pytest
from proxy_wires import Upstream, ask, connect, proxied

from windtunnel.edge_records import EdgeRecord
from windtunnel.errors import ProxyError
from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.toxiproxy import EdgeProxy, ProxyState, Toxic, ToxiproxyClient


@pytest.fixture
def client():
    with EmbeddedToxiproxy() as server, ToxiproxyClient(server.url) as client:
        yield client
    assert server.unhandled == ()


def test_proxies_are_created_listed_and_deleted(client):
    """The whole life of one."""
    made = client.create("orders->payments", "127.0.0.1:0", "127.0.0.1:9")
    listed, again = client.proxies(), client.proxy("orders->payments")
    client.delete("orders->payments")

    assert made == ProxyState(
        name="orders->payments", listen=made.listen, upstream="127.0.0.1:9", enabled=True, toxics=()
    )
    assert (listed, again) == ({"orders->payments": made}, made)
    assert client.proxies() == {}
    assert client.version() == "2.12.0+windtunnel"


def test_toxics_are_added_changed_and_removed(client):
    """Every field comes back typed."""
    client.create("a/b", "127.0.0.1:0", "127.0.0.1:9")
    added = client.add_toxic("a/b", "latency", name="slow", stream="upstream", attributes={"latency": 5})
    changed = client.update_toxic("a/b", "slow", toxicity=0.5, attributes={"jitter": 1})
    listed = client.proxy("a/b").toxics
    client.remove_toxic("a/b", "slow")

    assert added == Toxic(
        name="slow", type="latency", stream="upstream", toxicity=1.0, attributes={"latency": 5, "jitter": 0}
    )
    assert changed == Toxic(
        name="slow", type="latency", stream="upstream", toxicity=0.5, attributes={"latency": 5, "jitter": 1}
    )
    assert (listed, client.proxy("a/b").toxics) == ((changed,), ())


def test_reset_enables_proxies_and_removes_toxics(client):
    """Of all proxies."""
    client.create("a", "127.0.0.1:0", "127.0.0.1:9", enabled=False)
    client.add_toxic("a", "noop")
    client.reset()

    assert (client.proxy("a").enabled, client.proxy("a").toxics) == (True, ())


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (lambda client: client.proxy("none"), 404),
        (lambda client: client.delete("none"), 404),
        (lambda client: client.record("none"), 404),
        (lambda client: client.create("there", "", "u:1"), 409),
        (lambda client: client.create("", "", "u:1"), 400),
        (lambda client: client.create("x", "nonsense", "u:1"), 500),
        (lambda client: client.add_toxic("there", "no such toxic"), 400),
        (lambda client: client.remove_toxic("there", "none"), 404),
    ],
)
def test_refusal_is_a_proxy_error_with_its_status(client, call, status):
    """And with the server's reason."""
    client.create("there", "", "u:1")
    with pytest.raises(ProxyError, match=f": {status} [a-z]") as caught:
        call(client)

    assert caught.value.status == status


def test_server_that_is_not_there_is_a_proxy_error_without_status():
    """Refused, or closed by us."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with ToxiproxyClient(url) as client, pytest.raises(ProxyError, match="no answer") as refused:
        client.proxies()
    with pytest.raises(ProxyError, match="no answer") as closed:
        client.proxies()

    assert (refused.value.status, closed.value.status) == (None, None)


def test_server_that_does_not_answer_is_a_proxy_error_after_the_timeout():
    """Never a call without an end."""
    with (
        Upstream(lambda sock: sock.recv(1000) and sock.recv(1)) as silent,
        ToxiproxyClient(f"http://{silent.address}", timeout=0.2) as client,
        pytest.raises(ProxyError, match="no answer") as caught,
    ):
        client.version()

    assert caught.value.status is None


@pytest.mark.parametrize("body", [b"hello", b"[]", b"{}", b'{"a": 5}', b'{"a": {"name": "a"}}'])
def test_server_that_is_no_toxiproxy_is_a_proxy_error(body):
    """Whatever it answers with 200."""

    def answer(sock):
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    with Upstream(answer) as other, ToxiproxyClient(f"http://{other.address}") as client, pytest.raises(ProxyError):
        client.proxy("a")


def test_client_can_be_shared_by_threads(client):
    """Each of 8 threads makes, changes and deletes its own proxies."""
    failures = []

    def work(thread):
        try:
            for number in range(10):
                name = f"{thread}-{number}"
                client.create(name, "127.0.0.1:0", "127.0.0.1:9")
                client.add_toxic(name, "noop")
                client.update(name, enabled=False)
                client.delete(name)
        except ProxyError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (failures, client.proxies()) == ([], {})


def test_edge_proxy_is_the_same_by_one_name():
    """What faults hold in their hands."""
    with proxied() as (edge, upstream, _):
        host, port = edge.listen
        with connect(edge) as sock:
            ask(sock)
            added = edge.add_toxic("noop", name="n", stream="upstream")
            changed = edge.update_toxic("n", toxicity=0.25)
            edge.remove_toxic("n")
            record = edge.record()
        off, on = edge.disable(), edge.enable()

        assert edge == EdgeProxy(edge.client, "edge")
        assert (
            edge.state()
            == on
            == ProxyState(name="edge", listen=f"{host}:{port}", upstream=upstream.address, enabled=True)
        )
        assert (added.toxicity, changed.toxicity, off.enabled) == (1.0, 0.25, False)
        assert record == EdgeRecord(connections=1, open=1, forwarded=1, bytes_up=4, bytes_down=4, touched={"n": 0})


def test_listen_understands_ipv6():
    """Brackets belong to the text, not to the host."""
    with EmbeddedToxiproxy() as server, ToxiproxyClient(server.url) as client:
        client.create("six", "[::1]:0", "u:1")
        host, port = EdgeProxy(client, "six").listen

    assert (host, port > 0) == ("::1", True)
