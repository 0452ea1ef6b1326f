"""Our recorder in front of another server: what it tells of faults that it does not do itself."""

import socket
from contextlib import ExitStack

import pytest
from proxy_wires import Upstream

from windtunnel.errors import ProxyError
from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.stack.base import Address
from windtunnel.stack.edges import EdgeProxies, Hop
from windtunnel.stack.ports import LOOPBACK, reserve_port
from windtunnel.toxiproxy import ToxiproxyClient


@pytest.fixture
def way():
    """An edge `a->b` to an echoing server: address, proxy, and the client of the server behind the recorder."""
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream())
        servers = [stack.enter_context(EmbeddedToxiproxy(seed=1)) for _ in range(2)]
        clients = [stack.enter_context(ToxiproxyClient(server.url)) for server in servers]
        ports = [reserve_port() for _ in clients]
        for port in ports:
            stack.callback(port.release)
        hops = [Hop(server=c, listen=Address(LOOPBACK, p.port)) for c, p in zip(clients, ports, strict=True)]
        edges = EdgeProxies()
        edges.add("a->b", hops, upstream.address)
        yield edges.addresses["a->b"], edges.proxy("a->b"), clients[1]


def say(address, word=b"hello", patience=5.0):
    """What comes back on a connection of its own; None when nothing does in time."""
    with socket.create_connection((address.host, address.port), timeout=patience) as wire:
        wire.sendall(word)
        try:
            return wire.recv(100)
        except TimeoutError:
            return None


def test_what_passes_is_recorded_and_reaches_the_callee(way):
    """Through both."""
    address, proxy, _ = way

    assert say(address) == b"hello"
    record = proxy.record()
    assert (record.connections, record.bytes_up) == (1, 5)


def test_toxics_are_put_on_the_server_behind(way):
    """The state that is read back is the other server's; only a witness stands in the recorder."""
    address, proxy, behind = way
    proxy.add_toxic("timeout", name="hole", stream="upstream", attributes={"timeout": 0})

    assert [toxic.type for toxic in proxy.state().toxics] == ["timeout"]
    assert [toxic.type for toxic in behind.proxy("a->b").toxics] == ["timeout"]
    assert [toxic.type for toxic in proxy.recorder.state().toxics] == ["witness"]
    assert say(address, patience=0.2) is None


def test_connections_that_meet_the_toxic_are_counted_and_the_count_outlives_it(way):
    """One that was open and silent is not counted; one that speaks is, whenever it was opened."""
    address, proxy, _ = way
    with (
        socket.create_connection((address.host, address.port)) as silent,
        socket.create_connection((address.host, address.port)) as open_before,
    ):
        for wire in (silent, open_before):
            wire.sendall(b"x")
            assert wire.recv(10) == b"x"
        proxy.add_toxic("latency", name="slow", attributes={"latency": 1})
        none = proxy.record().touched
        open_before.sendall(b"y")
        open_before.recv(10)
        one = proxy.record().touched
        proxy.remove_toxic("slow")
        open_before.sendall(b"z")
        open_before.recv(10)
    say(address)

    assert (none, one, proxy.record().touched) == ({"slow": 0}, {"slow": 1}, {"slow": 1})


@pytest.mark.parametrize(("count", "told"), [(1, 0), (10, 0), (40, 20)])
def test_with_a_toxicity_nothing_is_told_while_all_may_have_been_spared(way, count, told):
    """Ten connections at 50 % are all spared once in a thousand times; forty never are."""
    address, proxy, _ = way
    proxy.add_toxic("latency", name="some", toxicity=0.5, attributes={"latency": 0})
    for _ in range(count):
        say(address)

    assert proxy.record().touched == {"some": told}


def test_down_refuses_at_the_recorder_too(way):
    """Who is refused behind it would see a connection that ends."""
    address, proxy, _ = way
    state = proxy.disable()
    with pytest.raises(ConnectionRefusedError):
        say(address)
    proxy.enable()

    assert not state.enabled
    assert say(address) == b"hello"


def test_a_toxic_that_is_refused_leaves_no_witness(way):
    """Nothing was done, so nothing is counted."""
    _, proxy, _ = way
    with pytest.raises(ProxyError):
        proxy.add_toxic("no such type", name="x")

    assert proxy.recorder.state().toxics == ()
    assert proxy.record().touched == {}


def test_a_toxic_that_somebody_else_removed_takes_its_witness_along(way):
    """The error is the server's, and the recorder is clean."""
    _, proxy, behind = way
    proxy.add_toxic("latency", name="slow", attributes={"latency": 1})
    behind.remove_toxic("a->b", "slow")
    with pytest.raises(ProxyError):
        proxy.remove_toxic("slow")

    assert proxy.recorder.state().toxics == ()
