"""The experiments that ship with the storefront can be read against its topology and the real table of faults."""

from pathlib import Path

import pytest

from windtunnel.faults import SHAPES
from windtunnel.spec import read_specs
from windtunnel.topology import read_topology

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "chaos_specs").glob("*.yaml"))


def test_at_least_ten_experiments_ship():
    """What the parametrised test below covers must not be empty."""
    assert len(FILES) >= 10


@pytest.mark.parametrize("profile", ["ci", "nightly"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_experiment_promises_something_in_every_window(path, profile):
    """Baseline, fault and recovered, a recovery limit, and invariants."""
    topology = read_topology(ROOT / "platform" / "topology.yaml", {})
    for spec in read_specs(path, topology, profile=profile, faults=SHAPES):
        assert {"baseline", "fault", "recovered"} == {expectation.window for expectation in spec.slo}
        assert spec.recovery is not None
        assert spec.invariants
