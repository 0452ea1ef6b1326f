"""/metrics: Toxiproxy's names and labels, true while connections are open, one registry a server."""

import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families
from proxy_wires import Upstream, ask, connect, eventually, proxied

from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient


def scrape(server):
    """{(metric, direction, proxy, listener, upstream): value}, as Prometheus reads it."""
    import httpx

    answer = httpx.get(f"{server.url}/metrics", trust_env=False)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    labels = ("direction", "proxy", "listener", "upstream")
    return {
        (sample.name, *(sample.labels[label] for label in labels)): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def key(what, direction, edge):
    state = edge.state()
    return (f"toxiproxy_proxy_{what}_bytes_total", direction, state.name, state.listen, state.upstream)


def test_bytes_are_counted_while_the_connection_is_open():
    """Toxiproxy shows nothing before it has ended."""
    with proxied() as (edge, _, server), connect(edge) as client:
        ask(client, b"12345")
        found = scrape(server)

        assert found == {
            key(what, direction, edge): 5 for what in ("received", "sent") for direction in ("upstream", "downstream")
        }


def test_bytes_that_a_toxic_swallows_are_received_and_not_sent():
    """The difference is what the toxic did."""
    with proxied() as (edge, _, server), connect(edge) as client:
        ask(client, b"12345")
        edge.add_toxic("timeout", stream="upstream", name="hole")
        client.sendall(b"lost")
        assert eventually(lambda: edge.record().touched["hole"])
        found = scrape(server)

        assert found[key("received", "upstream", edge)] == 9
        assert found[key("sent", "upstream", edge)] == 5


def test_counts_stay_when_connections_have_ended():
    """They only grow."""
    with proxied() as (edge, _, server):
        for _ in range(3):
            with connect(edge) as client:
                ask(client, b"12345")
        assert eventually(lambda: edge.record().open == 0)

        assert scrape(server)[key("sent", "downstream", edge)] == 15


def test_another_upstream_is_another_series_from_zero():
    """Bytes never count for an upstream that did not see them."""
    with proxied() as (edge, _, server), Upstream() as other:
        with connect(edge) as client:
            ask(client, b"12345")
        edge.client.update("edge", upstream=other.address)
        with connect(edge) as client:
            ask(client, b"12")
            found = scrape(server)

        assert found[key("sent", "upstream", edge)] == 2
        assert {name[4] for name in found} == {other.address}
        assert edge.record().bytes_up == 7


def test_proxy_that_is_deleted_leaves_no_series():
    """And a fresh one starts at zero."""
    with proxied() as (edge, _, server):
        edge.client.delete("edge")

        assert scrape(server) == {}


def test_servers_do_not_share_their_metrics_nor_the_process_s():
    """Two servers, and the process's own registry, know nothing of each other."""
    with proxied() as (_, upstream, one), EmbeddedToxiproxy() as two, ToxiproxyClient(two.url) as client:
        client.create("edge", "127.0.0.1:0", upstream.address)
        with connect(EdgeProxy(client, "edge")) as sock:
            ask(sock)

            assert sum(scrape(one).values()) == 0
            assert sum(scrape(two).values()) == 16
        assert b"toxiproxy" not in prometheus_client.generate_latest()


@pytest.mark.parametrize(("runtime", "there"), [(False, False), (True, True)])
def test_process_is_told_of_only_when_it_is_asked_for(runtime, there):
    """`-runtime-metrics`."""
    import httpx

    with EmbeddedToxiproxy(runtime_metrics=runtime) as server:
        text = httpx.get(f"{server.url}/metrics", trust_env=False).text

    assert ("process_resident_memory_bytes" in text) is there


def test_hostile_names_do_not_break_the_text():
    """Quotes, backslashes and line ends are escaped."""
    with EmbeddedToxiproxy() as server, ToxiproxyClient(server.url) as client:
        client.create('a"b\\c\nd', "127.0.0.1:0", "u:1")

        assert {name[2] for name in scrape(server)} == {'a"b\\c\nd'}
