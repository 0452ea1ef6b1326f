"""A service with replicas: its instances, the links between them, and what their names stand for."""

from pathlib import Path

import pytest
from spec_samples import FAULTS, TOPOLOGY, changed, read_shop

from windtunnel.errors import TopologyError
from windtunnel.spec.surroundings import survey
from windtunnel.topology import Edge, Service, Topology
from windtunnel.topology.instances import edge_of, service_of, slug

LEDGER = 'via: {env: DATABASE_URL, url: "postgresql://${host}:${port}/ledger"}'


def shop(**replicas):
    """front -> back -> store, with so many instances of each."""
    names = ("front", "back", "store")
    services = {name: Service(name=name, command=("x",), replicas=replicas.get(name, 1)) for name in names}
    services["front"] = Service(
        name="front", command=("x",), replicas=services["front"].replicas, after=("back", "elsewhere")
    )
    return Topology(
        name="shop",
        path=Path("topology.yaml"),
        services=services,
        edges=(
            Edge(source="client", target="front"),
            Edge(source="client", target="back"),
            Edge(source="front", target="back", via_env="BACK_URL"),
            Edge(source="back", target="store", via_env="STORE_URL"),
        ),
        scenarios=Path("scenarios.py"),
    )


def test_service_that_runs_once_is_its_own_only_instance():
    """Nobody needs to know whether there are replicas."""
    alone = shop()

    assert alone.instances == alone.services
    assert tuple(alone.links.values()) == alone.edges
    assert alone.replicas == {}


def test_instances_are_services_of_their_own():
    """Numbered from 1, and otherwise as declared."""
    two = shop(back=2)

    assert list(two.instances) == ["front", "back#1", "back#2", "store"]
    assert two.instances["back#2"].name == "back#2"
    assert two.instances["back#2"].command == ("x",)
    assert two.replicas == {"back": 2}


def test_whoever_comes_after_a_service_comes_after_all_its_instances():
    """A name that is no service's is left as it is."""
    assert shop(back=2).instances["front"].after == ("back#1", "back#2", "elsewhere")


def test_every_caller_has_a_link_to_every_callee():
    """Each with a proxy of its own."""
    links = shop(back=2, store=2).links

    assert [name for name in links if name.startswith(("front", "back"))] == [
        "front->back#1",
        "front->back#2",
        "back#1->store#1",
        "back#1->store#2",
        "back#2->store#1",
        "back#2->store#2",
    ]
    assert links["front->back#2"].via_env == "BACK_URL"


def test_client_meets_the_first_instance():
    """It balances nothing: where clients meet several instances, something that chooses stands before them."""
    assert [name for name in shop(back=2).links if name.startswith("client")] == ["client->front", "client->back#1"]


@pytest.mark.parametrize(
    ("name", "links"),
    [
        ("back->store", ["back#1->store#1", "back#1->store#2", "back#2->store#1", "back#2->store#2"]),
        ("back->store#2", ["back#1->store#2", "back#2->store#2"]),
        ("back#1->store", ["back#1->store#1", "back#1->store#2"]),
        ("back#1->store#2", ["back#1->store#2"]),
        ("client->back", ["client->back#1"]),
    ],
)
def test_name_of_an_edge_stands_for_all_links_that_it_covers(name, links):
    """An end without a number is all of its instances."""
    assert list(shop(back=2, store=2).links_of(name)) == links


def test_name_of_a_service_stands_for_its_instances():
    """Or for one of them."""
    two = shop(back=2)

    assert list(two.instances_of("back")) == ["back#1", "back#2"]
    assert list(two.instances_of("back#2")) == ["back#2"]
    assert list(two.instances_of("front")) == ["front"]


@pytest.mark.parametrize("name", ["back#3", "front#1", "bac", "#1"])
def test_unknown_instance_is_refused_with_the_known_ones(name):
    """Where, what, what would be right."""
    with pytest.raises(TopologyError, match=r"no service '.*'; known: front, back, store, back#1, back#2"):
        shop(back=2).instances_of(name)


def test_unknown_link_is_refused_with_the_known_ones():
    """The same for edges."""
    with pytest.raises(TopologyError, match=r"no edge 'front->back#3'; known: .*front->back#1"):
        shop(back=2).links_of("front->back#3")


def test_names_of_instances_lead_back_to_what_was_declared():
    """For reports, folders and files."""
    assert service_of("back#2") == "back"
    assert edge_of("back#1->store#2") == "back->store"
    assert slug("back#2") == "back_2"


def test_replicas_and_separator_are_read(tmp_path):
    """The separator is a comma where none is given."""
    text = changed(TOPOLOGY, ("via: {env: PAYMENTS_URL}", 'via: {env: PAYMENTS_URL, separator: ";"}'))
    text = changed(text, ("shop.payments]}", "shop.payments]}\n    replicas: 3"))
    read = read_shop(tmp_path, text)

    assert read.replicas == {"payments": 3}
    assert [link.via_separator for link in read.links_of("orders->payments").values()] == [";", ";", ";"]
    assert read.edge("payments->ledger").via_separator == ","


def test_host_name_cannot_be_several_instances(tmp_path):
    """It leads to one proxy."""
    text = changed(TOPOLOGY, (LEDGER, "via: {alias: ledger}"), ("    ready: tcp", "    ready: tcp\n    replicas: 2"))

    with pytest.raises(TopologyError, match=r"'ledger' cannot be several instances; write via: {env: SOME_URL}"):
        read_shop(tmp_path, text)


def test_specs_may_name_the_whole_or_an_instance():
    """Each name once, the wider ones first."""
    around = survey_of(shop(back=2))

    assert around.services == ("front", "back", "store", "back#1", "back#2")
    assert around.edges[:4] == ("client->front", "client->back", "front->back", "back->store")
    assert {"front->back#1", "front->back#2", "back#1->store", "client->back#1"} <= set(around.edges)
    assert len(around.edges) == len(set(around.edges))


def survey_of(topology):
    from dataclasses import replace

    return survey(replace(topology, scenarios=Path(__file__)), FAULTS)
