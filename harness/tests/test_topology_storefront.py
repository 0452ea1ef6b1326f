"""The storefront's own topology file can be read, wherever the tests are run."""

from dataclasses import replace
from pathlib import Path

from windtunnel.stack.base import Address
from windtunnel.stack.container import ContainerInstructions
from windtunnel.stack.environment import ProcessInstructions
from windtunnel.stack.layout import lay_out
from windtunnel.stack.secrets import Secrets
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


def test_orders_is_told_both_instances_of_inventory_as_a_process_and_as_a_container(tmp_path):
    """Each behind a proxy of its own, in one variable; both containers have the one volume and the one database."""
    topology = read_topology(PATH, {})
    services, links = topology.instances, tuple(topology.links.values())
    layout = lay_out(topology, services, links, toxiproxy=True)
    told = [(planned.edge, Address("10.9.0.2", planned.port)) for planned in layout.edges]
    shared = {"topology": topology, "port": 8000, "secrets": Secrets(), "marks": {}}

    def process(name):
        own = [(edge, address) for edge, address in told if edge.source == name]
        return ProcessInstructions(service=services[name], folder=tmp_path, edges=tuple(own), **shared).environment()

    def container(name):
        own = [(edge, address) for edge, address in told if edge.source == name]
        service = services[name]
        made = ContainerInstructions(service=service, container=service.container, edges=tuple(own), **shared)
        return made.environment()

    ports = [planned.port for planned in layout.edges if planned.edge.source == "orders" and "inv" in planned.edge.name]
    urls = ",".join(f"http://10.9.0.2:{port}" for port in ports)
    assert [edge.name for edge, _ in told if edge.source == "orders"][1:3] == [
        "orders->inventory#1",
        "orders->inventory#2",
    ]
    assert len(set(ports)) == 2
    assert process("orders")["INVENTORY_URL"] == container("orders")["INVENTORY_URL"] == urls
    assert {container(f"inventory#{n}")["DATABASE_URL"] for n in (1, 2)} == {
        "sqlite:////data/inventory.db?synchronous=off"
    }
    assert {process(f"inventory#{n}")["DATABASE_URL"] for n in (1, 2)} == {
        f"sqlite:///{tmp_path}/inventory/data/inventory.db?synchronous=off"
    }
    assert {"inventory#1", "inventory#2"} <= set(layout.networks["wind"].members)


def test_storefront_on_postgresql_differs_in_its_databases_alone():
    """Two files that must say the same: what the one promises on SQLite, the other promises on PostgreSQL."""
    plain, other = read_topology(PATH, {}), read_topology(PATH.with_name("topology-postgres.yaml"), {})
    callers = {name for name, service in plain.services.items() if "DATABASE_URL" in service.env}
    added = [edge for edge in other.edges if edge.target == "postgres"]

    def essence(service):
        env = {name: value for name, value in service.env.items() if name != "DATABASE_URL"}
        # Whose database is elsewhere keeps nothing on its disk.
        return replace(service, line=0, env=env, after=(), container=replace(service.container, disk=0))

    assert other.services.keys() - plain.services.keys() == {"postgres"}
    assert {n: essence(s) for n, s in other.services.items() if n != "postgres"} == {
        n: essence(s) for n, s in plain.services.items()
    }
    assert [replace(e, line=0) for e in other.edges if e not in added] == [replace(e, line=0) for e in plain.edges]
    assert {edge.source for edge in added} == callers
    assert all(other.services[name].after == ("postgres",) for name in callers)
    assert {
        scenario: {edge: lost for edge, lost in table.items() if "->postgres" not in edge}
        for scenario, table in other.degrades_to.items()
    } == plain.degrades_to
    assert all(table.keys() >= {edge.name for edge in added} for table in other.degrades_to.values())
