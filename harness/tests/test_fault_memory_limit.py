"""memory_limit on a process: what it asks for beyond it is refused, that is shown, and granted again afterwards."""

import threading
from contextlib import contextmanager

import pytest
import tiny_system

from windtunnel.chaos import Chaos
from windtunnel.errors import CapabilityError, InjectionUnprovenError, RestorationUnprovenError
from windtunnel.faults import build
from windtunnel.faults.canary import Sighting
from windtunnel.faults.patience import Patience
from windtunnel.spec.model import FaultStep
from windtunnel.stack.process import ProcessBackend
from windtunnel.undo import Run

MUCH = 200_000_000


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with Run.begin(parent=tmp_path_factory.mktemp("run")) as run:
        yield run


@pytest.fixture(scope="module")
def stack(run, tmp_path_factory):
    made = ProcessBackend().start(tiny_system.topology(tmp_path_factory.mktemp("system")), run=run)
    yield made
    made.stop()


@pytest.fixture
def fault(stack):
    made = build(FaultStep(name="small", fault="memory_limit", service="alone", params={"headroom": 1_000_000}))
    yield made
    made.undo(stack)


def grow(stack, size=MUCH):
    return tiny_system.get(stack.address("alone"), f"/grow/{size}")


@contextmanager
def wanting(stack):
    """Somebody who makes it want more all the time, once it has a limit."""
    enough = threading.Event()

    def want():
        while not enough.wait(0.01):
            if stack.memory_limited("alone") is not None:
                grow(stack)

    thread = threading.Thread(target=want)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def impatient(fault, stack):
    """Planned, with a clock that runs ahead whenever somebody waits."""
    fault.plan(stack)
    ahead = [0.0]
    begun = fault.parts[0].patience.clock()
    patience = Patience(clock=lambda: begun + ahead[0], pause=lambda _: ahead.__setitem__(0, ahead[0] + 10))
    fault.parts[0].patience = patience


def test_a_memory_limit_is_proven_and_taken_back(stack, run):
    """Its whole life; the service itself says that it was refused."""
    before = grow(stack)[0]
    with wanting(stack), Chaos(stack, run.journal).memory_limit("alone", headroom_bytes=1_000_000) as disturbance:
        during = grow(stack)
        limit = stack.memory_limited("alone")
    after = grow(stack)[0]

    assert (before, during, after) == (200, (507, "MemoryError"), 200)
    assert f"a limit of {limit} bytes of memory read back; it says: MemoryError" in disturbance.proof
    assert "running, and a canary was answered" in disturbance.restored
    assert stack.memory_limited("alone") is None


def test_what_is_within_the_headroom_is_granted(stack, run):
    """The limit counts from what it has."""
    with wanting(stack), Chaos(stack, run.journal).memory_limit("alone", headroom_bytes=100_000_000):
        small, large = grow(stack, 50_000_000)[0], grow(stack)[0]

    assert (small, large) == (200, 507)


def test_who_wants_no_more_cannot_be_refused(stack, fault):
    """Nobody would notice."""
    impatient(fault, stack)
    fault.apply(stack)

    with pytest.raises(InjectionUnprovenError, match="was never refused more; it wants no more: set less headroom"):
        fault.prove(stack)


def test_what_it_said_just_before_is_no_proof(stack, fault):
    """A log is cut at tenths of a second."""
    impatient(fault, stack)
    tiny_system.get(stack.address("alone"), "/say/MemoryError")
    fault.apply(stack)

    with pytest.raises(InjectionUnprovenError, match="was never refused more"):
        fault.prove(stack)


def test_a_limit_that_is_not_there_proves_nothing(stack, fault, monkeypatch):
    """It is read back."""
    fault.plan(stack)
    monkeypatch.setattr(stack, "memory_limited", lambda service: None)
    fault.apply(stack)

    with pytest.raises(InjectionUnprovenError, match="its memory was limited, but it has no limit"):
        fault.prove(stack)


def test_a_service_that_does_not_outlive_it_is_started_again(stack, fault):
    """Its end is the proof."""
    fault.plan(stack)
    fault.apply(stack)
    stack.kill("alone")
    proof = fault.prove(stack)
    fault.undo(stack)

    assert "it did not outlive it" in proof
    assert "running, and a canary was answered" in fault.prove_restored(stack)
    assert grow(stack)[0] == 200


def test_what_the_kernel_counts_is_a_proof(stack, fault, monkeypatch):
    """As it does for containers; what it had counted before is none."""
    counts = iter([3, 5])
    fault.plan(stack)
    monkeypatch.setattr(stack, "memory_refusals", lambda service: next(counts))
    fault.apply(stack)

    assert "the kernel refused it more 2 times" in fault.prove(stack)


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        (Sighting(outcome="ended", seconds=0.1, answers=0, sent=9, received=0, status=None), True),
        (Sighting(outcome="answered", seconds=0.1, answers=1, sent=9, received=9, status=500), True),
        (Sighting(outcome="silent", seconds=1.0, answers=0, sent=9, received=0, status=None), False),
    ],
    ids=["cut off", "an error", "slow"],
)
def test_a_canary_that_fares_ill_is_a_proof_but_slowness_is_none(stack, fault, monkeypatch, seen, shown):
    """Any busy machine is slow."""
    impatient(fault, stack)
    fault.apply(stack)
    monkeypatch.setattr(fault.parts[0], "sing", lambda stack, patience: seen)

    if shown:
        assert f"a canary was {seen}" in fault.prove(stack)
    else:
        with pytest.raises(InjectionUnprovenError, match="never refused more"):
            fault.prove(stack)


def test_a_limit_that_stays_is_not_restored(stack, fault, monkeypatch):
    """Whatever undo said."""
    fault.plan(stack)
    fault.apply(stack)
    fault.undo(stack)
    monkeypatch.setattr(stack, "memory_limited", lambda service: 5)

    with pytest.raises(RestorationUnprovenError, match="still has only 5 bytes of memory"):
        fault.prove_restored(stack)


def test_a_system_without_that_power_is_a_missing_capability(stack, fault):
    """The experiment is skipped, with the reason."""

    class Bare:
        backend = "external"
        topology = stack.topology

    with pytest.raises(CapabilityError, match="which the external backend lacks"):
        fault.plan(Bare())
