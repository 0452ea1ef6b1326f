"""Topology and pacts, held together both ways."""

import json

import pact_wires
import pytest

from windtunnel.contracts.pact_coverage import coverage
from windtunnel.contracts.pact_files import read_pact
from windtunnel.topology import read_topology

TOPOLOGY = """
topology: windtunnel/v1
name: small
scenarios: scenarios.py
services:
  shop: {process: {command: [shop]}, port: {env: PORT}}
  store: {process: {command: [store]}, port: {env: PORT}}
  database: {process: {command: [database]}, port: {env: PORT}, ready: tcp}
edges:
  - {from: client, to: shop}
  - {from: shop, to: store, via: {env: STORE_URL}, protocol: http, criticality: hard}
  - {from: store, to: database, via: {env: DATABASE_URL}, protocol: tcp, criticality: hard}
degrades_to: {}
"""


@pytest.fixture
def topology(tmp_path):
    (tmp_path / "scenarios.py").write_text("")
    (tmp_path / "topology.yaml").write_text(TOPOLOGY)
    return read_topology(tmp_path / "topology.yaml")


def pact(tmp_path, *interactions, **names):
    return read_pact(pact_wires.write(tmp_path / "pacts", *interactions, **names))


def test_edge_without_a_pact_is_named(topology):
    """The client's own edges and bare TCP need none."""
    assert coverage(topology, []).without_pact == ("shop->store",)


def test_pact_without_an_edge_is_named(topology, tmp_path):
    """A service that is gone, or a slip in a name."""
    found = coverage(topology, [pact(tmp_path, pact_wires.interaction(), provider="stoer")])

    assert (found.without_pact, found.without_edge) == (("shop->store",), ("shop->stoer",))


def test_message_goes_from_its_provider_to_its_consumer(topology, tmp_path):
    """It needs an edge in that direction, and covers no HTTP edge."""
    told = pact(tmp_path, pact_wires.message(id=1), consumer="store", provider="shop")
    asked = pact(tmp_path, pact_wires.interaction())

    assert coverage(topology, [told]).without_pact == ("shop->store",)
    assert coverage(topology, [told, asked]) == coverage(topology, [asked])
    assert json.loads(told.text)["provider"] == {"name": "shop"}
