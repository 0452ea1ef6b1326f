"""Who stands on which network, under which address: planned without an engine."""

import random
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.errors import BackendError
from windtunnel.stack.layout import lay_out
from windtunnel.stack.subnets import free_subnets, pool, routed
from windtunnel.topology.model import Container, Edge, Service, Topology

NAMES = ("shop", "people", "goods")


def planned(*edges, toxiproxy=True, port=5001):
    """The layout of three services and those edges."""
    services = {name: Service(name=name, container=Container(image="x", port=port)) for name in NAMES}
    topology = Topology(name="t", path="t", services=services, edges=edges, scenarios="s")
    return lay_out(topology, services, edges, toxiproxy=toxiproxy)


def told(target):
    return Edge(source="shop", target=target, via_env=f"{target}_URL")


def written_in(target, alias):
    return Edge(source="shop", target=target, via_alias=alias, backends=frozenset({"docker"}))


def test_one_network_where_callers_read_addresses():
    """Everybody is on it; each edge has a port of its own."""
    layout = planned(told("people"), told("goods"), Edge(source="client", target="shop"))

    assert set(layout.networks["wind"].members) == {"recorder-0", "toxiproxy", *NAMES}
    assert len({port for plan in layout.edges for port in (plan.port, plan.between)}) == 6


def test_a_name_that_is_written_in_leads_to_the_recorder_and_nowhere_else():
    """Caller and callee share no network."""
    layout = planned(written_in("people", "users"))

    assert layout.networks["shop"].members == {"shop": [], "recorder-0": ["users"]}
    assert set(layout.networks["people"].members) == {"people", "toxiproxy"}
    assert layout.edges[0].port == 5001


def test_two_callees_on_one_port_get_an_address_each():
    """A second recorder; the third callee of another caller needs none."""
    layout = planned(written_in("people", "users"), written_in("goods", "stock"))

    assert layout.recorders == 2
    assert layout.networks["shop"].members == {"shop": [], "recorder-0": ["users"], "recorder-1": ["stock"]}
    assert {"recorder-0", "recorder-1", "toxiproxy"} <= set(layout.networks["core"].members)


def test_where_the_recorder_has_the_toxics_it_reaches_the_callee_itself():
    """Without a Toxiproxy behind it."""
    layout = planned(written_in("people", "users"), toxiproxy=False)

    assert set(layout.networks["people"].members) == {"people", "recorder-0"}


@pytest.mark.parametrize("count", [1, 4, 5, 12, 13, 40])
def test_every_member_has_an_address_of_its_own_in_the_smallest_subnet(count):
    """Not the network's, the gateway's or the broadcast's."""
    services = {f"s{n}": Service(name=f"s{n}", container=Container(image="x")) for n in range(count)}
    topology = Topology(name="t", path="t", services=services, edges=(), scenarios="s")
    network = lay_out(topology, services, (), toxiproxy=True).networks["wind"]
    subnet = IPv4Network((int(IPv4Network("10.9.0.0/16").network_address), network.prefix))
    addresses = {network.address(member, subnet) for member in network.members}

    assert len(addresses) == count + 2
    assert addresses <= set(list(subnet.hosts())[1:])
    assert network.prefix == 29 or len(network.members) + 3 > 2 ** (32 - network.prefix - 1)


@given(st.lists(st.integers(0, 255), max_size=20), st.integers(0, 2**32))
def test_a_free_subnet_overlaps_nobody(taken, seed):
    """Whatever is taken, and wherever the search begins."""
    within = IPv4Network("10.9.0.0/20")
    used = [IPv4Network(((10 << 24) + (9 << 16) + 16 * number, 28)) for number in taken]
    found = list(free_subnets(28, used, within=within, rng=random.Random(seed)))

    assert len(found) == 256 - len(set(taken))
    assert not any(subnet.overlaps(other) for subnet in found for other in used)
    assert all(subnet.subnet_of(within) for subnet in found)


def test_routes_of_this_machine_are_taken_and_the_default_route_is_not(tmp_path):
    """Little-endian hexadecimal, as the kernel writes it."""
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
        "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\n"
        "br0\t0000D50A\t00000000\t0001\t0\t0\t0\t0000FFFF\n"
    )

    assert routed(table) == [IPv4Network("10.213.0.0/16")]


def test_a_pool_that_is_no_network_is_refused():
    """Named, with what would be right."""
    with pytest.raises(BackendError, match=r"WINDTUNNEL_SUBNETS=10.1.1.1/8: .*write a network such as"):
        pool({"WINDTUNNEL_SUBNETS": "10.1.1.1/8"})
