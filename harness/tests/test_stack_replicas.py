"""A service with two instances, as processes: stood up, told to its caller, broken as a whole and one by one."""

import os

import pytest
import tiny_system
from tiny_system import facts, get

from windtunnel.errors import StackError, TopologyError
from windtunnel.faults import build
from windtunnel.profiles.usage import Processors
from windtunnel.spec.model import FaultStep
from windtunnel.stack.process import ProcessBackend
from windtunnel.topology.model import Edge
from windtunnel.undo import Run

EDGE = Edge(source="front", target="back", via_env="BACK_URL", via_separator=" ")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """`front -> back`, which has two instances."""
    folder = tmp_path_factory.mktemp("replicas")
    front = tiny_system.service("front", after=("back",))
    back = tiny_system.service("back", replicas=2, env={"WHERE": "${data}"})
    edges = (Edge(source="client", target="back"), EDGE)
    with Run.begin(parent=folder) as run:
        made = ProcessBackend().start(tiny_system.topology(folder, front, back, edges=edges), run=run)
        yield made
        made.stop()


def broken(stack, **step):
    """A fault that was planned, on edges that then carried traffic."""
    fault = build(FaultStep(name="broken", **step))
    fault.plan(stack)
    for number in (1, 2):
        get(stack.edge_address(f"front->back#{number}"))
    fault.apply(stack)
    return fault


def mended(stack, fault):
    fault.undo(stack)
    return fault.prove_restored(stack)


def test_each_instance_is_a_process_with_a_port_of_its_own(stack):
    """And all have the service's data."""
    first, second = facts(stack.address("back#1")), facts(stack.address("back#2"))

    assert first["pid"] != second["pid"]
    assert first["env"]["PORT"] != second["env"]["PORT"]
    assert first["env"]["TMPDIR"] != second["env"]["TMPDIR"]
    assert first["env"]["WHERE"] == second["env"]["WHERE"]


def test_each_instance_s_use_of_the_processors_is_told(stack):
    """A load profile names the one that was full."""
    reading = Processors(stack, os.getpid(), lambda: 5.0).read()

    assert set(reading.parts) == {"front", "back#1", "back#2", "generator", "proxy"}


def test_caller_is_told_every_proxy_in_one_variable(stack):
    """In the order of the instances, with the edge's separator between them."""
    told = facts(stack.address("front"))["env"]["BACK_URL"].split(" ")

    assert told == [f"http://{stack.edge_address(f'front->back#{number}')}" for number in (1, 2)]
    assert [facts(stack.edge_address(f"front->back#{n}"))["pid"] for n in (1, 2)] == [
        facts(stack.address(f"back#{n}"))["pid"] for n in (1, 2)
    ]


def test_name_of_the_whole_is_an_address_and_no_process(stack):
    """To ask it something any instance will do; to stop it one has to say which."""
    assert stack.address("back") == stack.address("back#1")
    assert stack.edge_address("client->back") == stack.edge_address("client->back#1")
    with pytest.raises(TopologyError, match=r"back is not one: name back#1 or back#2"):
        stack.kill("back")
    with pytest.raises(TopologyError, match=r"front->back is not one: name front->back#1 or front->back#2"):
        stack.proxy("front->back")


def test_each_instance_has_a_log_of_its_own(stack):
    """What one wrote is not the other's."""
    get(stack.address("back#2"), "/say/second")

    assert "second" in stack.log_lines("back#2")
    assert "second" not in stack.log_lines("back#1")


def test_replace_changes_all_instances(stack):
    """A defect that is in one of two only would hide in the other."""
    stack.replace("back", {"SAY": "changed"})
    changed = [stack.log_lines(f"back#{number}")[-1] for number in (1, 2)]
    stack.replace("back", {})

    assert changed == ["changed", "changed"]


def test_fault_on_the_service_ends_all_instances(stack):
    """Each proven, each restored."""
    fault = broken(stack, fault="kill", service="back")
    states = [stack.state(f"back#{number}").state for number in (1, 2)]
    proof = fault.prove(stack)
    restored = mended(stack, fault)

    assert states == ["gone", "gone"]
    assert "service back#1: pid" in proof
    assert "service back#2: pid" in proof
    assert restored.count("running") == 2


def test_fault_on_one_instance_leaves_the_other_one(stack):
    """That is what replicas are for."""
    fault = broken(stack, fault="kill", service="back#2")
    states = [stack.state(f"back#{number}").state for number in (1, 2)]
    proof = fault.prove(stack)
    mended(stack, fault)

    assert states == ["running", "gone"]
    assert "back#1" not in proof


def test_fault_on_the_edge_is_put_on_every_proxy(stack):
    """All ways to the service are cut at once."""
    fault = broken(stack, fault="down", edges=("front->back",))
    enabled = [stack.proxy(f"front->back#{number}").state().enabled for number in (1, 2)]
    proof = fault.prove(stack)
    restored = mended(stack, fault)

    assert enabled == [False, False]
    assert proof.count("a canary was refused") == 2
    assert restored.count("the proxy is clean") == 2


def test_fault_on_one_link_leaves_the_other_one(stack):
    """And the client's way to the same instance, too."""
    fault = broken(stack, fault="latency", edges=("front->back#1",), params={"latency": 400})
    toxics = {name: stack.proxy(name).state().toxics for name in ("front->back#1", "front->back#2", "client->back#1")}
    proof = fault.prove(stack)
    mended(stack, fault)

    assert [name for name, found in toxics.items() if found] == ["front->back#1"]
    assert "front->back#2" not in proof


def test_link_that_is_named_twice_is_broken_once(stack):
    """A partition of the whole and of a part is one of the whole."""
    fault = broken(stack, fault="partition", edges=("front->back", "front->back#1"))
    watched = [watch.name for watch in fault.watches]
    mended(stack, fault)

    assert watched == ["front->back#1", "front->back#2"]


def test_every_instance_is_healed_although_one_cannot_be(stack, monkeypatch):
    """The first trouble is told, the second instance runs again."""
    fault = broken(stack, fault="kill", service="back")
    start = stack.start_service

    def stubborn(service):
        if service == "back#1":
            raise StackError("back#1 does not start")
        start(service)

    monkeypatch.setattr(stack, "start_service", stubborn)
    with pytest.raises(StackError, match="back#1 does not start"):
        fault.undo(stack)
    second = stack.state("back#2").state
    monkeypatch.undo()
    mended(stack, fault)

    assert second == "running"
