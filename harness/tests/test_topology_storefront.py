"""The storefront's own topology file can be read, wherever the tests are run."""

from pathlib import Path

from windtunnel.topology import CLIENT, read_topology

PATH = Path(__file__).resolve().parents[2] / "platform" / "topology.yaml"


def test_storefront_topology_is_read_from_an_empty_environment():
    """It asks for no variable of the caller's."""
    topology = read_topology(PATH, {})

    assert topology.name == "storefront"
    assert {"users", "inventory", "orders", "payments", "bank", "notifications"} <= set(topology.services)


def test_storefront_has_an_edge_for_every_call_that_experiments_break():
    """The experiments and the topology name the same system."""
    topology = read_topology(PATH, {})

    assert {
        f"{CLIENT}->orders",
        "orders->users",
        "orders->inventory",
        "orders->payments",
        "orders->notifications",
        "payments->bank",
    } <= {edge.name for edge in topology.edges}


def test_every_storefront_service_with_breakers_can_say_when_it_is_at_rest():
    """Between two experiments the harness waits for whoever calls another service over HTTP."""
    topology = read_topology(PATH, {})
    callers = {edge.source for edge in topology.edges if edge.protocol == "http"} - {CLIENT}

    assert callers == {name for name, service in topology.services.items() if service.quiet is not None}
