"""disk_full on a process: it can write to no file, that is shown, and it can write again afterwards."""

import pytest
import tiny_system

from windtunnel.chaos import Chaos
from windtunnel.errors import CapabilityError, InjectionUnprovenError, RestorationUnprovenError
from windtunnel.faults import build
from windtunnel.spec.model import FaultStep
from windtunnel.stack.process import ProcessBackend
from windtunnel.undo import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with Run.begin(parent=tmp_path_factory.mktemp("run")) as run:
        yield run


@pytest.fixture(scope="module")
def stack(run, tmp_path_factory):
    writer = tiny_system.service(env={"WORKER": "1", "NOTE": "${data}/note"})
    made = ProcessBackend().start(tiny_system.topology(tmp_path_factory.mktemp("system"), writer), run=run)
    yield made
    made.stop()


def write(stack):
    return tiny_system.get(stack.address("alone"), "/write/something")


def write_later(stack):
    """So much later that a file's time shows it: a kernel's clock for files may tick every 4 ms only."""
    before = stack.last_written("alone")
    while stack.last_written("alone") == before:
        write(stack)


@pytest.fixture
def fault(stack):
    made = build(FaultStep(name="full", fault="disk_full", service="alone"))
    yield made
    made.undo(stack)


def test_a_full_disk_is_proven_and_taken_back(stack, run):
    """Its whole life; the service itself says how its write was refused."""
    before = write(stack)[0]
    with Chaos(stack, run.journal).disk_full("alone") as disturbance:
        during = write(stack)
    after = write(stack)[0]

    assert (before, during, after) == (200, (507, "File too large"), 200)
    assert "a file size limit of 0 read back for pids" in disturbance.proof
    assert "nothing written for 1 s" in disturbance.proof
    assert "running, and a canary was answered" in disturbance.restored


def test_every_process_of_it_is_meant(stack, run):
    """The worker too."""
    with Chaos(stack, run.journal).disk_full("alone") as disturbance:
        pids = [str(pid) for pid in stack.state("alone").pids]

    assert len(pids) == 2
    assert f"for pids {', '.join(pids)};" in disturbance.proof


def test_what_wrote_in_the_baseline_is_said(stack, fault):
    """As an experiment has it."""
    write(stack)
    fault.plan(stack)
    write_later(stack)
    fault.apply(stack)

    assert fault.prove(stack).startswith("service alone: wrote to its disk before; a file size limit")


def test_who_writes_nothing_cannot_be_shown_to_have_no_room(stack, fault):
    """The load does not make it write: nobody would notice."""
    write(stack)
    fault.plan(stack)
    fault.apply(stack)

    with pytest.raises(InjectionUnprovenError, match="wrote nothing to its disk before the fault"):
        fault.prove(stack)


def test_who_keeps_no_data_there_has_no_disk_that_could_be_full(stack, fault, monkeypatch):
    """Its data is elsewhere, in a database server for instance: the experiment is skipped."""
    monkeypatch.setattr(stack, "last_written", lambda service: 0.0)

    with pytest.raises(CapabilityError, match="service alone keeps no data on its disk"):
        fault.plan(stack)


def test_a_limit_that_is_gone_proves_nothing(stack, fault):
    """It is read back."""
    write(stack)
    fault.plan(stack)
    write_later(stack)
    fault.apply(stack)
    stack.free_disk("alone")

    with pytest.raises(InjectionUnprovenError, match="can still be written to"):
        fault.prove(stack)


def test_somebody_who_still_writes_there_proves_the_opposite(stack, fault, monkeypatch):
    """A process that left the group has no limit."""
    write(stack)
    fault.plan(stack)
    write_later(stack)
    fault.apply(stack)
    moments = iter(range(1, 1000))
    unit = stack._service("alone")
    monkeypatch.setattr(unit, "last_written", lambda: next(moments))

    with pytest.raises(InjectionUnprovenError, match="can still be written to"):
        fault.prove(stack)


def test_a_disk_that_stays_full_is_not_restored(stack, fault, monkeypatch):
    """Whatever undo said."""
    write(stack)
    fault.plan(stack)
    fault.apply(stack)
    monkeypatch.setattr(stack, "disk_refusal", lambda service: "no room")

    with pytest.raises(RestorationUnprovenError, match="freed, but is still full: no room"):
        fault.prove_restored(stack)


def test_a_disk_that_is_full_already_cannot_be_filled(stack, fault, monkeypatch):
    """Found out before the load runs."""
    monkeypatch.setattr(stack, "disk_refusal", lambda service: "no room")

    with pytest.raises(InjectionUnprovenError, match="full before the fault: no room"):
        fault.plan(stack)


def test_a_service_that_is_started_again_has_room(stack):
    """The limit goes with its processes."""
    stack.fill_disk("alone")
    stack.kill("alone")
    stack.start_service("alone")

    assert stack.disk_refusal("alone") == ""
    assert write(stack)[0] == 200


def test_a_system_without_that_power_is_a_missing_capability(stack):
    """The experiment is skipped, with the reason."""

    class Bare:
        backend = "external"
        topology = stack.topology

    with pytest.raises(CapabilityError, match="which the external backend lacks"):
        build(FaultStep(name="full", fault="disk_full", service="alone")).plan(Bare())
