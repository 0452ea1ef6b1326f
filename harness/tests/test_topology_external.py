"""What a topology says of a system that runs elsewhere, and one clear line for each mistake in it."""

import pytest

from windtunnel.errors import TopologyError
from windtunnel.topology import read_topology
from windtunnel.topology.model import Allowance, ProxyPlace

GOOD = """\
topology: windtunnel/v1
name: elsewhere
scenarios: scenarios.py
services:
  orders: {external: {url: "http://shop.example:8080"}}
  payments: {external: {url: "http://${HOST}/"}, process: {command: [python, -m, payments]}}
  bank: {process: {command: [python, -m, bank]}, external: {url: "http://[::1]:9000"}}
edges:
  - {from: client, to: orders}
  - {from: orders, to: payments, via: {proxy: pay, api: "http://${USER}:${PASSWORD}@proxy.example:8474/"}}
  - {from: payments, to: bank, via: {env: BANK_URL, proxy: bank, api: "http://p:1", listen: "node.example:31001"}}
allow: {toxics: [orders->payments], disable: [payments->bank]}
"""
ENVIRON = {"HOST": "pay.example", "USER": "me", "PASSWORD": "s3cret-word"}


def read(folder, text=GOOD):
    (folder / "scenarios.py").write_text("")
    path = folder / "topology.yaml"
    path.write_text(text)
    return read_topology(path, ENVIRON)


def test_it_says_where_services_and_proxies_are(tmp_path):
    """Ports by default, the environment filled in, the password kept out of every representation."""
    topology = read(tmp_path)

    assert [service.place for service in topology.services.values()] == [
        "shop.example:8080",
        "pay.example:80",
        "[::1]:9000",
    ]
    assert topology.edge("orders->payments").via_proxy == ProxyPlace(
        name="pay", api="http://me:s3cret-word@proxy.example:8474"
    )
    assert topology.edge("payments->bank").via_proxy == ProxyPlace(
        name="bank", api="http://p:1", listen="node.example:31001"
    )
    assert topology.allow == Allowance(toxics=frozenset({"orders->payments"}), disable=frozenset({"payments->bank"}))
    assert "s3cret-word" not in repr(topology)


def test_an_edge_is_where_its_ends_are(tmp_path):
    """Only there where it could be: with a variable of the caller's it is everywhere."""
    topology = read(tmp_path)

    assert topology.edge("client->orders").backends == {"external"}
    assert topology.edge("orders->payments").backends == {"external"}
    assert topology.edge("payments->bank").backends == {"process", "docker", "external"}


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (
            "http://shop.example:8080",
            "https://shop.example",
            5,
            "that is no address to be used here; write http://host",
        ),
        ("http://shop.example:8080", "http://shop.example:80800", 5, "that is no address to be used here"),
        ("http://shop.example:8080", "http://shop.example/api", 5, "an address has no path; write http://host:port"),
        ("http://shop.example:8080", "http://me:${PASSWORD}@shop", 5, "a service's url holds no user or password"),
        ("{proxy: pay, api:", "{proxy: pay, ap:", 10, "unknown key 'ap'; known: api, listen, proxy"),
        ('listen: "node.example:31001"', 'listen: "node.example"', 11, "'listen' is where callers reach the proxy"),
        ("BANK_URL, proxy: bank,", "BANK_URL,", 11, "missing key 'proxy'; needed: proxy, api"),
        (
            "toxics: [orders->payments]",
            "toxics: [orders->payment]",
            12,
            "unknown edge with via: {proxy: ...} 'ord",
        ),
        (
            "toxics: [orders->payments]",
            "toxics: [client->orders]",
            12,
            "unknown edge with via: {proxy: ...} 'cli",
        ),
        ("allow: {toxics:", "allow: {toxic:", 12, "unknown key 'toxic'; known: toxics, disable"),
        ('8474/"}}', '8474/"}, backends: [process]}', 10, "that proxy is there on the external backend only; add env"),
    ],
)
def test_a_mistake_names_file_line_and_remedy(tmp_path, old, new, line, message):
    """And never a password."""
    with pytest.raises(TopologyError) as caught:
        read(tmp_path, GOOD.replace(old, new))

    assert str(caught.value).startswith(f"{tmp_path / 'topology.yaml'}:{line}: {message}")
    assert "s3cret-word" not in str(caught.value)
