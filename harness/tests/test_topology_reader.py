"""A topology file becomes a `Topology`, or one clear line."""

import pytest
from hypothesis import given
from spec_samples import TOPOLOGY, changed, damaged, damages, outcome, read_shop, unhurried

from windtunnel.errors import TopologyError
from windtunnel.topology import Edge, Service
from windtunnel.topology.model import Container


@pytest.fixture
def shop(tmp_path):
    """The sample system."""
    return read_shop(tmp_path)


def test_services_keep_what_the_file_says(shop, tmp_path):
    """Environment filled in, everything else left for the backend."""
    expected = Service(
        name="orders",
        line=8,
        command=("python", "-m", "shop.orders", "${port}"),
        port_env="PORT",
        port=5001,
        env={
            "DATA": "${data}/orders.db",
            "KEY": "${secret:jwt}",
            "LEVEL": "info",
            "HOME_OF": "/home/someone",
            "WORKERS": "2",
            "DEBUG": "true",
        },
        ready="/health/ready",
        quiet="/health/quiet",
        after=("payments",),
    )

    assert expected == shop.services["orders"]
    assert tmp_path / "scenarios.py" == shop.scenarios
    assert tmp_path / "invariants.py" == shop.invariants


def test_service_of_a_container_keeps_its_docker_part(shop):
    """It is handed on untouched."""
    assert shop.services["ledger"].container == Container(image="postgres:17", disk=64_000_000)
    assert shop.services["ledger"].ready == "tcp"
    assert shop.services["ledger"].command == ()


def test_edges_keep_what_the_file_says(shop):
    """With the line, for messages, and the default form of the address."""
    everywhere = frozenset({"process", "docker", "external"})
    assert (
        Edge(source="client", target="orders", line=25, backends=everywhere),
        Edge(
            source="orders",
            target="payments",
            line=26,
            via_env="PAYMENTS_URL",
            via_url="http://${host}:${port}",
            criticality="soft",
            background=True,
        ),
        Edge(
            source="payments",
            target="ledger",
            line=27,
            via_env="DATABASE_URL",
            via_url="postgresql://${host}:${port}/ledger",
            protocol="tcp",
            backends=frozenset({"docker"}),
        ),
    ) == shop.edges


def test_tcp_edge_without_a_url_is_told_host_and_port(tmp_path):
    """There is no scheme that would fit every protocol."""
    text = changed(TOPOLOGY, ("    via: {env: DATABASE_URL, url: ", "    via: {env: DATABASE_URL} #"))

    assert read_shop(tmp_path, text).edge("payments->ledger").via_url == "${host}:${port}"


def test_degradations_are_statuses_or_none(shop):
    """`ok` is the empty tuple."""
    assert shop.degrades_to == {
        "place_order": {"orders->payments": (503, 202)},
        "read_order": {"orders->payments": ()},
    }


@pytest.mark.parametrize("quiet", ["{path: /q}", "/q"], ids=["mapping", "plain"])
def test_quiet_may_be_written_both_ways(tmp_path, quiet):
    """A mapping leaves room, a plain path is short."""
    text = changed(TOPOLOGY, ("{path: /health/quiet}", quiet))

    assert read_shop(tmp_path, text).services["orders"].quiet == "/q"


@unhurried
@given(damages(TOPOLOGY))
def test_any_damage_is_a_topology_or_a_topology_error(tmp_path_factory, damage):
    """Lines lost, doubled, indented or cut short: never a traceback."""
    text = damaged(TOPOLOGY, damage)
    topology, error = outcome(lambda: read_shop(tmp_path_factory.mktemp("damaged"), text), TopologyError)

    assert topology or "\n" not in error
