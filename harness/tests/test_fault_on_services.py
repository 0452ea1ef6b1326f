"""Every fault on a service, on real processes: what it does, how it is proven, that the service is itself again."""

import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import tiny_system

from windtunnel.errors import CapabilityError, InjectionUnprovenError, RestorationUnprovenError
from windtunnel.faults import build
from windtunnel.faults.noop import Noop
from windtunnel.faults.patience import Patience
from windtunnel.spec.model import FaultStep
from windtunnel.stack.base import Signals
from windtunnel.stack.process import ProcessBackend
from windtunnel.topology import Service, Topology
from windtunnel.undo import OPERATIONS, Run

FAULTS = ("kill", "pause", "restart")
AT_ONCE = Patience(pause=lambda seconds: None, clock=iter(range(0, 10**6, 100)).__next__)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("services")
    with Run.begin(parent=folder) as run:
        made = ProcessBackend().start(tiny_system.topology(folder, tiny_system.service(env={"WORKER": "1"})), run=run)
        yield made
        made.stop()


@pytest.fixture(autouse=True)
def _whole(stack):
    yield
    stack.resume("alone")
    stack.start_service("alone")


def planned(stack, name):
    fault = build(FaultStep(name=name, fault=name, service="alone"))
    fault.plan(stack)
    return fault


def injected(stack, name):
    fault = planned(stack, name)
    fault.apply(stack)
    return fault


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_on_a_service_is_proven_and_leaves_nothing_behind(stack, name):
    """The whole life of each."""
    fault = injected(stack, name)
    proof = fault.prove(stack)
    fault.undo(stack)
    restored = fault.prove_restored(stack)

    assert "service alone: pid" in proof
    assert "running, and a canary was answered" in restored
    assert tiny_system.get(stack.address("alone"), "/health/ready")[0] == 200


def test_a_killed_service_is_gone_and_refuses(stack):
    """No process, and nobody listens."""
    fault = injected(stack, "kill")

    assert "a canary to 127.0.0.1:" in (proof := fault.prove(stack))
    assert "refused" in proof
    assert stack.state("alone").state == "gone"


def test_a_paused_service_keeps_every_process_stopped(stack):
    """Its workers too, and they are the same afterwards."""
    before = stack.state("alone")
    fault = injected(stack, "pause")
    proof = fault.prove(stack)
    fault.undo(stack)

    assert len(before.pids) == 2
    assert f"pids {', '.join(map(str, before.pids))} are stopped, a canary was silent" in proof
    assert stack.state("alone") == before


def test_a_restarted_service_is_a_new_process(stack):
    """Ready again, with nothing to undo."""
    before = stack.state("alone")
    fault = injected(stack, "restart")
    fault.prove(stack)
    after = stack.state("alone")

    assert after.started > before.started
    assert not set(after.pids) & set(before.pids)


def test_a_restart_is_acknowledged_while_the_service_is_away(stack):
    """The gap belongs to the fault, so `apply` does not wait for its end."""
    fault, gate = planned(stack, "restart"), threading.Event()
    start = stack.start_service

    def slow_start(service):
        gate.wait(10)
        start(service)

    stack.start_service = slow_start
    try:
        fault.apply(stack)
        assert stack.state("alone").state == "gone"
    finally:
        gate.set()
        del stack.start_service
    assert "became" in fault.prove(stack)


@pytest.mark.parametrize(
    ("name", "act", "said"),
    [
        ("kill", lambda stack: None, "was killed, but is running"),
        ("pause", lambda stack: None, "was paused, but is running"),
        ("restart", lambda stack: None, "is not a new process"),
        ("pause", lambda stack: stack.kill("alone"), "was paused, but is gone"),
        ("restart", lambda stack: stack.kill("alone"), "started again, but is gone"),
        ("kill", lambda stack: (stack.kill("alone"), stack.start_service("alone")), "was killed, but is running"),
    ],
    ids=["kill-nothing", "pause-nothing", "restart-nothing", "pause-kill", "restart-kill", "kill-restart"],
)
def test_a_fault_that_did_something_else_is_unproven(stack, name, act, said):
    """The state is read back from the system itself."""
    fault = planned(stack, name)
    act(stack)

    with pytest.raises(InjectionUnprovenError, match=said):
        fault.prove(stack)


@dataclass
class Claims:
    """A stack that states what it is told to; all else is real."""

    real: object
    state_now: str

    def __getattr__(self, name):
        return getattr(self.real, name)

    def kill(self, service): ...
    def pause(self, service): ...
    def resume(self, service): ...
    def start_service(self, service): ...
    def terminate(self, service): ...
    def state(self, service):
        return replace(self.real.state(service), state=self.state_now)


@pytest.mark.parametrize(
    ("name", "claimed", "said"), [("kill", "gone", "not refused"), ("pause", "stopped", "not left waiting")]
)
def test_a_state_without_an_effect_proves_nothing(stack, name, claimed, said):
    """A service that still answers is neither gone nor frozen."""
    fault = injected(Claims(stack, "running"), name)

    with pytest.raises(InjectionUnprovenError, match=rf"a canary was answered .*{said}"):
        fault.prove(Claims(stack, claimed))


@pytest.mark.parametrize("name", ["kill", "pause"])
def test_a_service_that_is_still_away_is_not_restored(stack, name):
    """Nothing was undone here."""
    fault = injected(stack, name)
    for part in fault.parts:
        part.patience = AT_ONCE

    with pytest.raises(RestorationUnprovenError, match=r"30 s after the fault it is (gone|stopped)"):
        fault.prove_restored(stack)


def test_a_service_that_is_not_well_is_not_broken(stack):
    """It must run before it is killed."""
    stack.kill("alone")

    with pytest.raises(InjectionUnprovenError, match="is gone before the fault"):
        planned(stack, "kill")


@pytest.mark.parametrize("name", FAULTS)
def test_undoing_twice_and_undoing_nothing_are_harmless(stack, name):
    """`undo` may run after a fault that never began, and after another undo."""
    before = stack.state("alone")
    fault = planned(stack, name)
    fault.undo(stack)
    assert stack.state("alone") == before
    fault.apply(stack)
    fault.undo(stack)
    fault.undo(stack)

    assert "answered" in fault.prove_restored(stack)


def test_the_record_of_a_pause_is_enough_for_another_process(stack, tmp_path):
    """What the journal holds lets the service go on without the fault."""
    fault = build(FaultStep(name="p", fault="pause", service="alone"))
    (record,) = fault.plan(stack)
    fault.apply(stack)
    OPERATIONS[record.op](record.data, tmp_path)
    deadline = time.monotonic() + 10
    while stack.state("alone").state != "running" and time.monotonic() < deadline:
        time.sleep(0.01)

    assert "answered" in fault.prove_restored(stack)


@pytest.mark.parametrize("name", FAULTS)
def test_a_stack_without_signals_lacks_the_capability(stack, name):
    """Skipped with the reason, not failed."""

    class Bare:
        backend = "external"
        topology = Topology(
            name="bare",
            path=Path("t.yaml"),
            services={"alone": Service(name="alone")},
            edges=(),
            scenarios=Path("s.py"),
        )

    assert not isinstance(Bare(), Signals)
    with pytest.raises(CapabilityError, match=f"{name} needs signals, which the external backend cannot send"):
        planned(Bare(), name)


def test_nothing_done_is_never_proven(stack):
    """The no-op lives through everything but the proof."""
    fault = Noop(FaultStep(name="noop", fault="noop"))
    fault.apply(stack)
    fault.undo(stack)

    assert fault.plan(stack) == ()
    assert fault.prove_restored(stack) == "nothing was changed"
    with pytest.raises(InjectionUnprovenError):
        fault.prove(stack)
