"""toxiproxy-python 0.1.1, as it comes from PyPI, drives the embedded server."""

import socket

import pytest
from proxy_wires import ON_BYTES, PATIENCE, Upstream, ask, read_all
from toxiproxy import Toxiproxy
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from windtunnel.proxy import EmbeddedToxiproxy


@pytest.fixture
def toxiproxy(monkeypatch):
    """The client, whose host and port belong to its class."""
    with EmbeddedToxiproxy() as server:
        monkeypatch.setattr(APIConsumer, "host", server.host)
        monkeypatch.setattr(APIConsumer, "port", server.port)
        yield Toxiproxy()
    assert server.unhandled == ()


@pytest.fixture
def echoing(toxiproxy):
    """A proxy before an echo server."""
    with Upstream() as upstream:
        yield toxiproxy.create(name="echo", upstream=upstream.address)


def connect(proxy):
    host, port = proxy.listen.split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def test_server_is_found_running_and_tells_its_version(toxiproxy):
    """The client looks at the port before it asks."""
    assert toxiproxy.running()
    assert b"2.12.0" in toxiproxy.version()


def test_proxies_are_created_found_and_destroyed(toxiproxy):
    """By name, and all of them."""
    proxy = toxiproxy.create(name="one", upstream="localhost:9", enabled=True)
    toxiproxy.create(name="two", upstream="localhost:9", listen="127.0.0.1:0", enabled=False)

    assert toxiproxy.get_proxy("one").listen == proxy.listen
    assert set(toxiproxy.proxies()) == {"one", "two"}
    assert toxiproxy.destroy(proxy) is True
    assert toxiproxy.get_proxy("one") is None
    toxiproxy.destroy_all()
    assert toxiproxy.proxies() == {}


def test_existing_name_raises_proxy_exists(toxiproxy):
    """Also when the server says it (409)."""
    toxiproxy.create(name="one", upstream="localhost:9")

    with pytest.raises(ProxyExists):
        toxiproxy.create(name="one", upstream="localhost:9")
    with pytest.raises(ProxyExists):
        APIConsumer.post("/proxies", json={"name": "one", "upstream": "localhost:9"})


def test_toxics_are_added_listed_and_destroyed(echoing):
    """With and without a name of their own."""
    echoing.add_toxic(type="latency", attributes={"latency": 7, "jitter": 1})
    echoing.add_toxic(type="bandwidth", name="thin", stream="upstream", toxicity=0.5, attributes={"rate": 10})
    toxics = echoing.toxics()

    assert set(toxics) == {"latency_downstream", "thin"}
    assert toxics["thin"].toxicity == 0.5
    assert echoing.get_toxic("latency_downstream").attributes == {"latency": 7, "jitter": 1}
    assert echoing.destroy_toxic("thin") is True
    assert set(echoing.toxics()) == {"latency_downstream"}


def test_bad_toxic_and_unknown_toxic_raise(echoing):
    """400 and 404."""
    with pytest.raises(InvalidToxic):
        echoing.add_toxic(type="nonsense")
    with pytest.raises(NotFound):
        echoing.destroy_toxic("none")


def test_down_refuses_connections_while_it_lasts(echoing):
    """Its context manager."""
    with connect(echoing) as sock:
        assert ask(sock) == b"ping"
        with echoing.down():
            assert read_all(sock) == b""
            with pytest.raises(ConnectionRefusedError):
                connect(echoing)
    with connect(echoing) as sock:
        assert ask(sock) == b"ping"


def test_populate_and_reset_work(toxiproxy):
    """Its own populate, by single creations."""
    made = toxiproxy.populate([{"name": "a", "upstream": "localhost:9", "listen": "127.0.0.1:0"}])
    made[0].add_toxic(type="noop")
    made[0].disable()
    toxiproxy.reset()

    assert toxiproxy.get_proxy("a").enabled is True
    assert made[0].toxics() == {}


@pytest.mark.parametrize("kind", sorted(ON_BYTES))
def test_every_toxic_can_be_added_and_destroyed(echoing, kind):
    """Ours too: the client passes on what it does not know."""
    echoing.add_toxic(type=kind, stream="upstream", toxicity=0.0)
    names = set(echoing.toxics())

    assert names == {f"{kind}_upstream"}
    assert echoing.destroy_toxic(f"{kind}_upstream") is True
    assert echoing.toxics() == {}


def test_proxies_that_others_made_are_seen_with_their_toxics(toxiproxy):
    """Made in one call over the API; the client reads them like its own."""
    made = {"name": "one", "upstream": "localhost:9", "toxics": [{"type": "latency", "attributes": {"latency": 5}}]}
    APIConsumer.post("/populate", json=[made])
    proxy = toxiproxy.get_proxy("one")
    toxic = proxy.get_toxic("latency_downstream")

    assert (toxic.type, toxic.attributes) == ("latency", {"latency": 5, "jitter": 0})


def test_disable_enable_and_a_toxic_work_on_live_traffic(echoing):
    """The client's calls are felt on the wire."""
    echoing.disable()
    with pytest.raises(ConnectionRefusedError):
        connect(echoing)
    echoing.enable()
    echoing.add_toxic(type="limit_data", attributes={"bytes": 2})
    with connect(echoing) as sock:
        sock.sendall(b"ping")
        assert read_all(sock) == b"pi"


def test_unknown_proxy_is_none_and_its_destruction_says_no(toxiproxy):
    """What the client makes of a 404."""
    assert toxiproxy.get_proxy("none") is None
    with pytest.raises(NotFound):
        APIConsumer.delete("/proxies/none")
