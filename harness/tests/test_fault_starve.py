"""starve on a process: it runs a part of the time only, that is seen, and it runs all the time afterwards."""

import threading
import time

import pytest
import tiny_system

from windtunnel.chaos import Chaos
from windtunnel.errors import CapabilityError, InjectionUnprovenError
from windtunnel.faults import build
from windtunnel.spec.model import FaultStep
from windtunnel.stack.process import ProcessBackend
from windtunnel.stack.throttle import DutyCycle
from windtunnel.undo import OPERATIONS, Run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with Run.begin(parent=tmp_path_factory.mktemp("run")) as run:
        yield run


@pytest.fixture(scope="module")
def stack(run, tmp_path_factory):
    system = tiny_system.topology(tmp_path_factory.mktemp("system"), tiny_system.service(env={"WORKER": "1"}))
    made = ProcessBackend().start(system, run=run)
    yield made
    made.stop()


def starving(share):
    return build(FaultStep(name="starve", fault="starve", service="alone", params={"cpu": share}))


def test_a_starved_process_is_proven_and_taken_back(stack, run):
    """Its whole life."""
    with Chaos(stack, run.journal).starve("alone", cpu_share=0.2) as disturbance:
        share = stack.throttled("alone")

    assert share == 0.2
    assert "20% of a processor read back; held back" in disturbance.proof
    assert "running, and a canary was answered" in disturbance.restored
    assert stack.throttled("alone") is None
    assert stack.state("alone").state == "running"


def test_it_is_stopped_and_let_go_on_over_and_over(stack, run):
    """Seen from outside: both states, with a worker of its own too."""
    seen = set()
    with Chaos(stack, run.journal).starve("alone", cpu_share=0.5):
        deadline = time.monotonic() + 20
        while seen != {"running", "stopped"} and time.monotonic() < deadline:
            seen.add(stack.state("alone").state)

    assert seen == {"running", "stopped"}


def test_another_process_can_let_it_go_on(stack, run):
    """The record is what `pause` has; played while it is stopped for good, it runs."""
    fault = starving(0.2)
    (record,) = fault.plan(stack)
    stack.pause("alone")
    OPERATIONS[record.op](record.data, run.directory)

    assert stack.state("alone").state == "running"


def test_a_starved_service_can_be_killed_and_started_again(stack):
    """Its throttle goes with it."""
    stack.throttle("alone", 0.1)
    stack.kill("alone")
    stack.start_service("alone")

    assert stack.throttled("alone") is None
    assert stack.state("alone").state == "running"


@pytest.mark.parametrize("share", [0.0, 1.0, 2.5])
def test_a_share_that_starves_nobody_is_refused(stack, share):
    """All of a processor is no fault, and none at all is `pause`."""
    with pytest.raises(InjectionUnprovenError, match="cpu must be from 1% to 99%"):
        starving(share).plan(stack)


def test_a_system_without_that_power_is_a_missing_capability(stack):
    """The experiment is skipped, with the reason."""

    class Bare:
        backend = "external"
        topology = stack.topology

    with pytest.raises(CapabilityError, match="which the external backend lacks"):
        starving(0.5).plan(Bare())


def test_the_group_goes_on_when_the_cycle_ends():
    """Whatever it was doing, and however often it is ended."""
    acts, turned = [], threading.Event()

    def stop():
        acts.append("stop")
        if len(acts) > 4:
            turned.set()

    cycle = DutyCycle(0.5, stop, lambda: acts.append("go on"), period=0.002)
    turned.wait(20)
    cycle.end()
    cycle.end()

    assert acts[:4] == ["stop", "go on", "stop", "go on"]
    assert acts[-1] == "go on"
