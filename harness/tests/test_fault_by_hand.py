"""Faults in hand-written tests: the proofs of an experiment, at entry and at exit, whatever happens inside."""

import pytest
from fault_stack import IDLE, WEB, FaultStack, Impatience

import windtunnel.chaos
from windtunnel.chaos import Chaos
from windtunnel.errors import InjectionUnprovenError, RestorationUnprovenError, SpecError, TopologyError
from windtunnel.faults import FAULTS
from windtunnel.undo import Journal

BLOCKS = {
    "latency": lambda chaos: chaos.latency(WEB, latency_ms=300, jitter_ms=50),
    "timeout": lambda chaos: chaos.timeout(WEB),
    "reset": lambda chaos: chaos.reset(WEB),
    "bandwidth": lambda chaos: chaos.bandwidth(WEB, kilobytes_per_second=5),
    "limit_data": lambda chaos: chaos.limit_data(WEB, limit_bytes=150),
    "slicer": lambda chaos: chaos.slicer(WEB, average_size_bytes=20, delay_us=20_000),
    "packet_loss": lambda chaos: chaos.packet_loss(WEB, loss_share=1.0),
    "slow_close": lambda chaos: chaos.slow_close(WEB, delay_ms=200),
    "down": lambda chaos: chaos.down(WEB),
    "partition": lambda chaos: chaos.partition(WEB, IDLE),
}
SAW = {
    "latency": "TimeoutError",
    "timeout": "TimeoutError",
    "reset": "ConnectionResetError",
    "bandwidth": 200,
    "limit_data": "IncompleteRead",
    "slicer": 200,
    "packet_loss": "TimeoutError",
    "slow_close": 200,
    "down": "ConnectionRefusedError",
    "partition": "TimeoutError",
}


@pytest.fixture
def stack():
    made = FaultStack()
    yield made
    made.close()


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal")


@pytest.fixture
def chaos(stack, journal):
    return Chaos(stack, journal)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_breaks_the_edge_and_mends_it(stack, journal, chaos, name):
    """Journalled and proven inside, restored and proven after."""
    with BLOCKS[name](chaos) as disturbance:
        (saw,) = stack.call(patience=0.2 if SAW[name] == "TimeoutError" else 5.0)
        pending = journal.pending()

    assert saw == SAW[name]
    assert "read back" in disturbance.proof
    assert "answered" in disturbance.restored
    assert pending
    assert not journal.pending()
    if name != "slow_close":  # there the toxic may be gone before the connection closes
        assert disturbance.touched == (0 if name == "down" else 1)
    assert stack.call() == [200]


def test_the_canary_is_not_counted_as_traffic(chaos):
    """A block that sends nothing was not met by anything."""
    with chaos.reset(WEB) as disturbance:
        pass

    assert disturbance.touched == 0


def test_traffic_before_can_be_required(stack, chaos):
    """As an experiment requires it."""
    with pytest.raises(InjectionUnprovenError, match="carried no traffic"), chaos.down(WEB, require_traffic=True):
        pytest.fail("the block must not run")
    stack.call()
    with chaos.reset(WEB, require_traffic=True) as disturbance:
        stack.call()

    assert "touched 1 connections of the load" in disturbance.load_proof


def test_a_required_fault_that_nothing_met_fails_at_the_end(stack, chaos, monkeypatch):
    """The block's own requests went elsewhere."""
    monkeypatch.setattr(windtunnel.chaos, "PATIENCE", 0.0)
    stack.call()
    with pytest.raises(InjectionUnprovenError, match="no request of the load"), chaos.reset(WEB, require_traffic=True):
        stack.call(IDLE)

    assert stack.proxy(WEB).state().toxics == ()


def test_a_failing_block_is_mended_and_keeps_its_error(stack, journal, chaos):
    """What the test found comes first."""
    with pytest.raises(ValueError, match="mine") as caught, chaos.down(WEB):
        raise ValueError("mine")

    assert not hasattr(caught.value, "__notes__")
    assert not journal.pending()
    assert stack.call() == [200]


def test_trouble_in_mending_is_added_to_a_failing_block(stack, chaos):
    """It must not be lost, and must not hide the first error."""

    def fail():
        stack.client.delete(WEB)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as caught, chaos.down(WEB):
        fail()

    assert "proxy not found" in caught.value.__notes__[0]


def test_an_edge_that_stays_broken_fails_the_block(stack, chaos, monkeypatch):
    """A passing body is not enough."""
    monkeypatch.setattr("windtunnel.faults.edge.Patience", lambda: Impatience().patience)
    with pytest.raises(RestorationUnprovenError, match="still ended"), chaos.down(WEB):
        stack.client.update(WEB, upstream="127.0.0.1:1")


def test_an_unproven_fault_never_runs_its_block(stack, journal, chaos):
    """And is taken back."""
    with (
        pytest.raises(InjectionUnprovenError, match="toxicity of 0"),
        chaos.latency(WEB, latency_ms=300, toxicity=0.0),
    ):
        pytest.fail("the block must not run")

    assert not journal.pending()
    assert stack.proxy(WEB).state().toxics == ()


def test_blocks_can_be_nested(stack, chaos):
    """Each takes back its own."""
    with chaos.latency(WEB, latency_ms=100), chaos.latency(WEB, latency_ms=400) as inner:
        toxics = [toxic.name for toxic in stack.proxy(WEB).state().toxics]

    assert toxics == ["latency_downstream", "latency_downstream.2"]
    assert "answered" in inner.restored
    assert stack.proxy(WEB).state().toxics == ()


def test_what_does_not_exist_is_named(chaos):
    """Edges are known by the topology, and a partition needs one."""
    with pytest.raises(TopologyError, match="no edge 'a->b'"), chaos.down("a->b"):
        pytest.fail("the block must not run")
    with pytest.raises(SpecError, match="partition is put on an edge"), chaos.partition():
        pytest.fail("the block must not run")


def test_every_fault_can_be_written_by_hand():
    """One method each."""
    assert {name for name in dir(Chaos) if name[0] != "_"} == set(FAULTS)
