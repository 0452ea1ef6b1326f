"""Whole runs of fuzzing on a small system, as its owner has them: what pytest, JUnit, Allure and the summary show."""

import json
import os
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest
import small_system
import yaml
from fuzz_system import EDGES, write_fuzz_system

from windtunnel.cli import main

pytestmark = pytest.mark.xdist_group("fuzz items")  # one system for all of them

CELLS = ["healthy", *(f"front->back {f}" for f in ("refused", "black-holed", "slow", "answer-lost", "truncated"))]
KEPT = {
    "found": "windtunnel/v1",
    "title": "A count that is a text is refused",
    "operation": "front: POST /things",
    "request": {"body": '{"count": "3"}'},
    "expect": [422],
}


def write_project(folder):
    """A project of somebody's own: the system, its pytest.ini, and one case that was found once."""
    write_fuzz_system(folder)
    (folder / "pytest.ini").write_text(small_system.INI)
    (folder / "found").mkdir()
    (folder / "found" / "text.yaml").write_text(yaml.safe_dump(KEPT))
    with (folder / "fuzz.yaml").open("a") as plan:
        plan.write("found: found\nprofiles: {ci: {valid: 2, invalid: 2, boundaries: 10}}\n")


def fuzz(folder, *arguments, defect="none"):
    """Run pytest there."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "fuzz", *arguments],
        cwd=folder,
        env={**os.environ, "DEFECT": defect},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A run on a front that answers 500 when back is away; on two workers."""
    folder = tmp_path_factory.mktemp("broken")
    write_project(folder)
    defect = "500 when back is away"
    return folder, fuzz(folder, "-n", "2", "--wt-out=out", "--junitxml=out.xml", "--wt-seed=5", defect=defect)


@pytest.fixture(scope="module")
def unknown(tmp_path_factory):
    """A run on a front that asks nobody, so that no fault can be met."""
    folder = tmp_path_factory.mktemp("unknown")
    write_project(folder)
    return folder, fuzz(folder, "-k", "healthy or slow", "--wt-out=out", defect="asks nobody")


def results(folder):
    """The cells of the summary, by condition."""
    document = json.loads((folder / "out" / "summary.json").read_text())
    return document["fuzz"], {f"{r['edge']} {r['fault']}".strip(): r for r in document["fuzz"]["results"]}


def test_a_defect_under_a_fault_fails_exactly_the_cells_that_meet_it(broken):
    """Healthy and slow pass, the case that was found once passes; everything that takes back away fails."""
    folder, run = broken
    fuzzed, _ = results(folder)
    verdicts = {r["id"].removeprefix("front: POST /things "): r["verdict"] for r in fuzzed["results"]}

    assert verdicts == {
        "[healthy]": "PASS",
        "[front->back refused]": "FAIL",
        "[front->back black-holed]": "FAIL",
        "[front->back slow]": "PASS",
        "[front->back answer-lost]": "FAIL",
        "[front->back truncated]": "FAIL",
        "found: text": "PASS",
    }, run.stdout
    assert run.returncode == 1


def test_the_summary_says_how_much_is_covered(broken):
    """Operations, cells and requests; and of each cell how it was shown that the fault was met."""
    fuzzed, by_condition = results(broken[0])

    assert {key: fuzzed[key] for key in ("operations", "operations_covered", "cells", "cells_covered", "totals")} == {
        "operations": 1,
        "operations_covered": 1,
        "cells": 6,
        "cells_covered": 6,
        "totals": {"FAIL": 4, "PASS": 3},
    }
    assert fuzzed["cases"] == sum(sum(r["requests"].values()) for r in fuzzed["results"])
    assert by_condition["front->back slow"]["reached"] >= 1
    assert "calls met it" in by_condition["front->back slow"]["proof"]


def test_a_failure_says_how_to_see_it_again(broken):
    """pytest's command with seed and profile, a line of curl, the fault by hand; no secret."""
    _, run = broken
    failure = run.stdout[run.stdout.index("FAIL: front: POST /things [front->back refused]") :]

    assert "answered 500, a server error; documented: 503" in failure
    assert "curl -sS -i --path-as-is -X POST" in failure
    assert '"$FRONT/things"' in failure
    assert 'fault:     with chaos.down("front->back"): ...' in failure
    assert (
        "reproduce: pytest 'fuzz.yaml::front: POST /things [front->back refused]' --wt-seed=5 --wt-profile=ci"
        in failure
    )
    assert "let-me-in" not in run.stdout


def test_a_case_that_was_found_can_be_kept_and_is_replayed_for_ever(broken, tmp_path):
    """The file that the run leaves is one that `found/` takes; on a sound front it passes."""
    folder, run = broken
    line = next(line for line in run.stdout.splitlines() if line.startswith("  keep:"))
    write_project(tmp_path)
    shutil.copy(folder / line.split("cp ")[1].rpartition(" ")[0].strip("'"), tmp_path / "found" / "kept.yaml")
    again = fuzz(tmp_path, "-k", "found", "--wt-out=out")
    verdicts = {r["id"]: r["verdict"] for r in results(tmp_path)[0]["results"]}

    assert again.returncode == 0, again.stdout
    assert verdicts == {"found: kept": "PASS", "found: text": "PASS"}


def test_each_cell_is_an_entry_of_its_own_in_junit_and_allure(broken):
    """Subtests would be one entry with the first failure alone."""
    folder, _ = broken
    cases = [case.get("name") for case in ElementTree.parse(folder / "out.xml").iter("testcase")]
    allure = [json.loads(path.read_text()) for path in (folder / "out" / "allure-results").glob("*-result.json")]

    assert sorted(cases) == sorted([*(f"front: POST /things [{cell}]" for cell in CELLS), "found: text"])
    assert sorted(result["name"] for result in allure) == sorted(cases)


def test_allure_knows_the_place_of_a_cell(broken):
    """Epic, feature by service, story by edge; a promise that broke is failed, not broken."""
    folder, _ = broken
    found = [json.loads(path.read_text()) for path in (folder / "out" / "allure-results").glob("*-result.json")]
    refused = next(result for result in found if result["name"].endswith("[front->back refused]"))
    labels = {label["name"]: label["value"] for label in refused["labels"]}

    assert (labels["epic"], labels["feature"], labels["story"]) == ("Fuzz", "front", "front->back")
    assert refused["status"] == "failed"


def test_the_terminal_ends_with_a_table_of_operations_and_faults(broken):
    """What is covered, and what broke, at a glance."""
    _, run = broken

    assert "fuzzing: 6 of 6 cells, 1 of 1 operation," in run.stdout
    assert "refused FAIL, black-holed FAIL, slow ok, answer-lost FAIL, truncated FAIL" in run.stdout


def test_what_is_unknown_is_an_error_and_covers_nothing(unknown):
    """No request met the fault, so that nothing was learnt: neither a pass nor a broken promise."""
    folder, run = unknown
    fuzzed, by_condition = results(folder)
    allure = [json.loads(path.read_text()) for path in (folder / "out" / "allure-results").glob("*-result.json")]

    assert fuzzed["totals"] == {"ERROR": 2}
    assert (fuzzed["cells_covered"], fuzzed["operations_covered"]) == (0, 0)
    assert "windtunnel fuzz --discover" in by_condition["front->back slow"]["reasons"][0]
    assert "2 errors" in run.stdout
    assert {result["status"] for result in allure} == {"broken"}


def test_items_are_collected_without_a_system_and_chosen_by_words(tmp_path):
    """`-k` takes the operation's id, services and faults."""
    write_project(tmp_path)
    run = fuzz(tmp_path, "--collect-only", "-q", "-k", "makeThing and black-holed")

    assert run.stdout.splitlines()[0] == "fuzz.yaml::front: POST /things [front->back black-holed]"
    assert "1/7 tests collected" in run.stdout


@pytest.mark.parametrize(
    ("marks", "left"), [("fuzz", 7), ("contract", 0), ("not fuzz", 0), ("not contract", 7), ("contract or fuzz", 7)]
)
def test_whoever_does_not_want_fuzzing_does_not_pay_for_it(pytester, marks, left):
    """The plan is not even read when `-m` leaves nothing of it; and the last run's evidence is left alone."""
    write_project(pytester.path)
    if not left:
        (pytester.path / "fuzz.yaml").write_text("nonsense: [")
    (pytester.path / "out").mkdir()
    (pytester.path / "out" / "summary.json").write_text("{}")
    run = pytester.runpytest_subprocess("-m", marks, "--collect-only", "-q", "--wt-out=out")

    assert sum("front: POST" in line or "found: " in line for line in run.outlines) == left
    assert (pytester.path / "out" / "summary.json").exists()


def test_a_mistake_is_one_line_at_collection(tmp_path):
    """With file and what would be right."""
    write_project(tmp_path)
    run = fuzz(tmp_path, "--wt-profile=nigthly")

    assert run.returncode == 2
    assert "unknown profile 'nigthly'; known: nightly, ci" in run.stdout
    assert "Traceback" not in run.stdout


def test_discover_writes_the_table_and_list_shows_the_cells(tmp_path, monkeypatch, capsys):
    """The committed table is what the command makes."""
    write_project(tmp_path)
    (tmp_path / "fuzz_edges.yaml").unlink()
    monkeypatch.setenv("DEFECT", "none")
    discovered = main(["fuzz", "--discover", "--topology", str(tmp_path / "topology.yaml")])
    listed = main(["fuzz", "--list", "--topology", str(tmp_path / "topology.yaml")])

    assert (discovered, listed) == (0, 0)
    assert yaml.safe_load((tmp_path / "fuzz_edges.yaml").read_text()) == yaml.safe_load(EDGES)
    assert "front: POST /things [front->back slow]" in capsys.readouterr().out
