"""Chains and walks of a small system as its owner has them: what pytest, the summary and the command line show."""

import json
import os
import re
import subprocess
import sys

import pytest
from sequence_system import write_sequence_system

from windtunnel.cli import main

ONLY = "-k", "walk or chain"


def fuzz(folder, *arguments, defect="none"):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "fuzz", *arguments],
        cwd=folder,
        env={**os.environ, "DEFECT": defect},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def write_project(folder):
    write_sequence_system(folder)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:locust -p no:pact\nwt_topology = topology.yaml\n")
    with (folder / "fuzz.yaml").open("a") as plan:
        plan.write("profiles: {ci: {walks: 3, walk_steps: 8}}\n")


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A run on a front that writes again what it wrote before, when the answer to the first was lost."""
    folder = tmp_path_factory.mktemp("broken")
    write_project(folder)
    return folder, fuzz(folder, *ONLY, "--wt-out=out", "--wt-seed=1", defect="doubles what was lost")


@pytest.fixture(scope="module")
def summary(broken):
    folder, run = broken
    assert (folder / "out" / "summary.json").exists(), run.stdout + run.stderr
    return json.loads((folder / "out" / "summary.json").read_text())["fuzz"]


def test_drawn_walks_find_the_doubled_write_that_no_chain_sees(summary):
    """Chains are healthy and pass; an invariant breaks when a fault came and went between two of a client's tries."""
    verdicts = {kind: [r["verdict"] for r in summary["results"] if r["kind"] == kind] for kind in ("chain", "walk")}
    reasons = [line for r in summary["results"] for line in r["reasons"]]

    assert verdicts["chain"] == ["PASS"] * 4
    assert "FAIL" in verdicts["walk"]
    assert any(re.search(r"one_entry_per_key: key \w+ has 2 entries", line) for line in reasons), reasons


def test_the_summary_counts_links_and_tells_a_walk_step_by_step(summary):
    """Cells are counted apart: none was chosen here."""
    walk = next(r for r in summary["results"] if r["kind"] == "walk" and r["verdict"] == "FAIL")

    assert (summary["links"], summary["links_followed"], summary["cells_covered"]) == (4, 4, 0)
    assert (walk["operation"], walk["edge"], walk["fault"]) == ("", "", "several")
    assert any("fault front->back" in line for line in walk["story"])
    assert any("curl -sS" in line for line in walk["story"])


def test_a_failed_walk_is_told_with_all_steps_and_how_to_see_it_again(broken):
    """Whether it was shrunk, each step with its curl line, and pytest's command."""
    _, run = broken
    failure = run.stdout[run.stdout.index("FAIL: walk ") :]

    assert re.search(r"  (not )?shrunk", failure)
    assert "  1. fault front->back " in failure
    assert "curl -sS -i --path-as-is -X POST" in failure
    assert re.search(r"reproduce: pytest 'fuzz.yaml::walk \d' --wt-seed=1 --wt-profile=ci", failure)


def test_the_terminal_ends_with_chains_and_walks(broken):
    """A row for all chains, one for each walk."""
    _, run = broken

    assert re.search(r"chains +4 of 4 ok, 4 of 4 links followed", run.stdout)
    assert re.search(r"walk \d +FAIL", run.stdout)


def test_walks_are_chosen_by_operation_and_edge_and_chains_by_link(tmp_path):
    """`-k` takes the ids of all operations of a chain, and what a walk calls."""
    write_project(tmp_path)
    chosen = fuzz(tmp_path, "--collect-only", "-q", "-k", "walk and makeThing").stdout.splitlines()

    assert chosen[:3] == ["fuzz.yaml::walk 1", "fuzz.yaml::walk 2", "fuzz.yaml::walk 3"]


def test_list_shows_chains_and_walks(tmp_path, capsys):
    """Nothing is run."""
    write_project(tmp_path)
    main(["fuzz", "--list", "--topology", str(tmp_path / "topology.yaml")])
    shown = capsys.readouterr().out

    assert "front: makeThing -> deleteThing\n" in shown
    assert "walk 3\n3 operations, 8 cells, 0 found cases, 4 links, 4 chains, 3 walks" in shown
