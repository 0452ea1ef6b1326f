"""What a person writes for fuzzing is read strictly: the plan, the table of edges, found cases."""

from pathlib import Path

import pytest
import yaml
from fuzz_system import write_fuzz_system

from windtunnel.errors import SpecError
from windtunnel.fuzz.edge_table import read_table, write_table
from windtunnel.fuzz.faults import FAULTS
from windtunnel.fuzz.plan import BUILT_IN
from windtunnel.fuzz.suite import read_suite
from windtunnel.topology import read_topology


@pytest.fixture
def system(tmp_path):
    """The topology of a small system with everything that fuzzing needs."""
    return read_topology(write_fuzz_system(tmp_path))


def change(topology, name, **keys):
    """Other values in one of the system's files."""
    path = topology.path.parent / name
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **keys}))


def test_a_suite_is_every_operation_healthy_and_with_each_of_its_edges_broken_in_each_way(system):
    """The ids are what pytest shows."""
    cells = read_suite(system).cells

    assert [cell.id for cell in cells] == [
        "front: POST /things [healthy]",
        *(
            f"front: POST /things [front->back {fault}]"
            for fault in ("refused", "black-holed", "slow", "answer-lost", "truncated")
        ),
    ]


def test_an_operation_that_is_left_out_has_no_cell_and_stays_counted(system):
    """What is not covered is told, with its reason."""
    change(system, "fuzz.yaml", leave_out={"front: POST /things": "it moves money"})
    suite = read_suite(system)

    assert suite.cells == ()
    assert (len(suite.operations), dict(suite.left_out)) == (1, {"front: POST /things": "it moves money"})


MISTAKES = {
    "an unknown key": ("fuzz.yaml", {"visitors": "visitor.py"}, "unknown key 'visitors'"),
    "a visitor who is not there": ("fuzz.yaml", {"visitor": "nobody.py"}, "there is no file"),
    "no time to answer": ("fuzz.yaml", {"answer_within": "0s"}, "expected a duration above 0"),
    "an operation that nobody has": (
        "fuzz.yaml",
        {"leave_out": {"front: GET /thing": "x"}},
        "unknown operation 'front: GET /thing'; known: front: POST /things",
    ),
    "a table of an unknown operation": (
        "fuzz_edges.yaml",
        {"operations": {"front: GET /gone": {}}},
        "`windtunnel fuzz --discover` renews this",
    ),
    "a table of an unknown edge": (
        "fuzz_edges.yaml",
        {"operations": {"front: POST /things": {"front->bach": []}}},
        "unknown edge 'front->bach'",
    ),
    "a table with a call that is none": (
        "fuzz_edges.yaml",
        {"operations": {"front: POST /things": {"front->back": ["/stock"]}}},
        "write one such as GET /me",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_file_is_told_before_anything_runs(system, mistake):
    """In one line: where, what, what would be right."""
    name, keys, told = MISTAKES[mistake]
    change(system, name, **keys)

    with pytest.raises(SpecError) as caught:
        read_suite(system)

    assert told in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there_says_how_it_is_made(system):
    """The remedy is a command."""
    (system.path.parent / "fuzz_edges.yaml").unlink()

    with pytest.raises(SpecError, match="windtunnel fuzz --discover"):
        read_suite(system)


def test_a_topology_without_a_plan_says_what_to_write(system):
    """`fuzz:` is optional until somebody fuzzes."""
    change(system, "topology.yaml", fuzz=None)
    text = system.path.read_text()
    system.path.write_text(text.replace("fuzz: null\n", ""))

    with pytest.raises(SpecError, match="write fuzz: FILE"):
        read_suite(read_topology(system.path))


def test_a_table_is_the_same_bytes_for_the_same_content(system):
    """So that renewing it shows in a review only what has changed."""
    suite = read_suite(system)
    path = system.path.parent / "again.yaml"
    write_table(path, suite.table.uses)
    first = path.read_bytes()
    write_table(path, read_table(path, system, suite.operations).uses)

    assert path.read_bytes() == first
    assert read_table(path, system, suite.operations).uses == suite.table.uses


def test_every_fault_and_profile_is_documented_as_it_is():
    """FUZZING.md says what each fault does, and how much each profile sends."""
    text = (Path(__file__).parents[2] / "contracts" / "FUZZING.md").read_text()
    rows = [
        f"| `{name}` | {p.valid} | {p.invalid} | {p.boundaries} | 1 + {p.valid_under_fault} | {p.invalid_under_fault} |"
        for name, p in BUILT_IN.items()
    ]

    assert [row for row in rows if row not in text] == []
    assert [fault.word for fault in FAULTS.values() if f"| {fault.word} | {fault.meaning}" not in text] == []
