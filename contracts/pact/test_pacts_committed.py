"""The committed pacts are what the consumers' tests play, and every edge between the storefront's services has one."""

from pathlib import Path

import pytest
from regenerate import COMMAND, PACTS, regenerate

from windtunnel.contracts.pact_coverage import coverage
from windtunnel.contracts.pact_files import read_pacts
from windtunnel.topology import read_topology

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.contract


def test_committed_pacts_are_what_the_consumers_play_byte_for_byte(tmp_path):
    """Made from nothing by the tests themselves: nothing random, no version of the day, no interaction left over."""
    made = {path.name: path.read_bytes() for path in regenerate(tmp_path)}
    committed = {path.name: path.read_bytes() for path in PACTS.glob("*.json")}

    assert made == committed, f"the consumers' tests play something else; {COMMAND} writes contracts/pacts anew"


def test_every_edge_between_own_services_has_a_pact_and_every_pact_an_edge():
    """An edge without one is an edge on which nobody has said what is needed."""
    found = coverage(read_topology(ROOT / "platform" / "topology.yaml"), read_pacts(PACTS))

    assert (found.without_pact, found.without_edge) == ((), ())
