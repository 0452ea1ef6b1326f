"""Cells on a small running system: what is right passes, each defect is named, and nothing passes vacuously."""

import pytest
from fuzz_system import write_fuzz_system

from windtunnel.fuzz.cells import cells_of
from windtunnel.fuzz.edge_table import read_table
from windtunnel.fuzz.fuzzer import Fuzzer
from windtunnel.fuzz.operations import operations_of
from windtunnel.fuzz.plan import read_plan
from windtunnel.settings import Settings
from windtunnel.tunnel import Tunnel


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    tunnel = Tunnel(Settings(topology=write_fuzz_system(folder), out=folder / "out"))
    yield tunnel
    tunnel.close()


def run(tunnel, condition, defect="none"):
    """The one operation's cell of that condition, on a front with that defect."""
    folder = tunnel.topology.path.parent
    tunnel.stack.replace("front", {"DEFECT": defect})
    operations = operations_of(tunnel.topology)
    plan = read_plan(folder / "fuzz.yaml")
    table = read_table(plan.edges, tunnel.topology, operations)
    cell = next(cell for cell in cells_of(operations, table, plan) if cell.condition == condition)
    fuzzer = Fuzzer(tunnel.stack, tunnel.run.journal, plan=plan, profile=plan.profile("ci"), table=table)
    return fuzzer.run(cell)


@pytest.mark.parametrize(
    "condition",
    ["healthy", *(f"front->back {word}" for word in ("refused", "black-holed", "slow", "answer-lost", "truncated"))],
)
def test_a_service_that_keeps_its_document_passes(system, condition):
    """A documented 503 is no failure, and every countable fault was met by valid calls."""
    result = run(system, condition)

    assert (result.problems, result.errors) == ([], [])
    assert result.requests["valid"] >= 2
    assert condition in ("healthy", "front->back refused") or (result.reached or 0) > 0


@pytest.mark.parametrize(
    ("condition", "defect", "told"),
    [
        ("front->back refused", "500 when back is away", "answered 500"),
        ("front->back truncated", "500 when back is away", "answered 500"),
        ("front->back refused", "no Retry-After", "Retry-After"),
        ("front->back black-holed", "no timeout", "no answer came"),
        ("healthy", "believes bodies", "answered 500"),
        ("healthy", "no login", "these credentials must be refused"),
        ("healthy", "renamed field", "count"),
    ],
)
def test_a_defect_is_a_failure_that_says_what_is_wrong(system, condition, defect, told):
    """The outcome is FAIL, with a line to send it again and a file to keep it."""
    result = run(system, condition, defect)

    assert result.outcome == "FAIL"
    assert any(told in line for problem in result.problems for line in problem.wrong)
    assert all(p.curl.startswith("curl ") and "let-me-in" not in p.curl for p in result.problems)
    kept = [problem.document for problem in result.problems if problem.document]
    assert all("operation: 'front: POST /things'" in document for document in kept)


@pytest.mark.parametrize("condition", ["healthy", "front->back refused", "front->back slow"])
def test_a_cell_whose_edge_nobody_calls_is_an_error(system, condition):
    """A fault that no valid call can meet shows nothing, so it is no pass; nor is a table that lists a dead edge."""
    result = run(system, condition, "asks nobody")

    assert (result.outcome, result.problems) == ("ERROR", [])
    assert "windtunnel fuzz --discover" in result.errors[0]
