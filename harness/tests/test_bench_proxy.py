"""The benchmark of the proxy runs from one command; its figures are not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"windtunnel", "in a thread"}
TINY = ["--quick", "--rounds=1", "--seconds=0.02"]


def bench(*arguments):
    """The command, ended."""
    command = [sys.executable, "-m", "benchmarks.proxy", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(what one tiny round printed, what it wrote)."""
    out = tmp_path_factory.mktemp("bench") / "proxy.json"
    ended = bench(*TINY, f"--out={out}")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, json.loads(out.read_text())


def test_tiny_round_measures_everything_and_says_where(run):
    """Figures without machine, versions and load mean nothing."""
    _, written = run

    assert list(written) == ["machine", "versions", "effort", "tables"]
    assert {"cpu", "cores", "python", "load_at_start", "load_at_end"} <= set(written["machine"])
    assert list(written["tables"]) == [
        "paced",
        "roundtrip",
        "bulk",
        "connects",
        "startup",
        "creation",
        "idle",
        "latency",
        "bandwidth",
    ]


def test_every_row_has_both_of_ours_with_every_round(run):
    """As a program, and in a thread."""
    _, written = run
    rows = [row for table in written["tables"].values() for row in table["rows"]]

    assert all(set(row["figures"]) >= OURS for row in rows)
    assert all({"median", "q1", "q3", "rounds"} == set(figure) for row in rows for figure in row["figures"].values())


def test_table_names_every_case_that_was_written(run):
    """But for those that the JSON alone holds."""
    printed, written = run
    cases = [row["case"] for row in written["tables"]["bulk"]["rows"]]

    assert [case for case in cases if case not in printed] == []


@pytest.mark.parametrize("mistake", [["--rounds=0"], ["--seconds=x"], ["--only=nothing"]])
def test_mistake_on_the_command_line_is_one_clear_error(mistake):
    """Nothing is started for it."""
    ended = bench(*mistake)

    assert ended.returncode == 2
    assert f"argument {mistake[0].partition('=')[0]}: " in ended.stderr
