"""Two real runs in a row, the second with a defect put into the system: every report shows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest
import small_system

from windtunnel.cli import main


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project of somebody's own, run twice and published twice."""
    folder = tmp_path_factory.mktemp("project")
    small_system.write_system(folder)
    small_system.write_spec(folder)
    (folder / "pytest.ini").write_text(small_system.INI)
    codes = []
    for defect, out in (("none", "sound"), ("broken body", "broken")):
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-m", "chaos", f"--wt-out={out}", f"--junitxml={out}.xml"],
            cwd=folder, env={**os.environ, "DEFECT": defect}, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        report = [str(folder / out), "--to", str(folder / "pages"), "--gate", "--markdown", str(folder / f"{out}.md")]
        codes.append((run.returncode, main(["report", *report]), run.stdout))
    return folder, codes


def test_exit_codes_say_which_run_broke(project):
    """pytest's and the gate's: 0 and 0, then 1 and 1; and diff's."""
    folder, codes = project

    assert [code[:2] for code in codes] == [(0, 0), (1, 1)], codes
    assert main(["diff", str(folder / "sound"), str(folder / "broken")]) == 1


def test_the_matrix_shows_the_defect_and_since_when(project):
    """Degraded as declared before, failed now, with what was seen."""
    folder, _ = project
    runs = sorted((folder / "pages" / "runs").iterdir())
    before, after = ((run / "index.html").read_text() for run in runs)

    assert ": 1 experiment held" in before
    assert "undocumented_rate &lt; 5%" in after
    assert "new in this run (was PASS)" in after
    assert "verdict PASS -&gt; FAIL" in after


def test_the_summary_knows_the_system_and_the_run(project):
    """What coverage is a share of, and how to run it again."""
    document = json.loads((project[0] / "broken" / "summary.json").read_text())

    assert document["system"]["edges"] == {"client->front": "hard", "front->back": "hard"}
    assert document["run"]["profile"] == "ci"
    assert document["experiments"][0]["reproduce"].endswith("::experiment' --wt-seed=0 --wt-profile=ci")


def test_allure_results_hold_place_steps_and_parameters(project):
    """Parameters that change from run to run do not count for the test's identity."""
    tests = [
        json.loads(next((project[0] / out / "allure-results").glob("*-result.json")).read_text())
        for out in ("sound", "broken")
    ]
    labels = {label["name"]: label["value"] for label in tests[1]["labels"]}

    assert tests[0]["historyId"] == tests[1]["historyId"]
    assert all(parameter["excluded"] for parameter in tests[1]["parameters"])
    assert (labels["epic"], labels["feature"], labels["story"]) == ("chaos", "down", "front->back")
    assert {step["name"]: step["status"] for step in tests[1]["steps"]}["phase fault"] == "failed"
    assert "reproduce: pytest" in tests[1]["statusDetails"]["message"]


def test_pytests_own_junit_file_serves_ci_servers(project):
    """One failure, with what broke and how to see it again in its message."""
    suite = ElementTree.parse(project[0] / "broken.xml").getroot()[0]
    message = suite.find("testcase/failure").attrib["message"]

    assert suite.attrib["failures"] == "1"
    assert "undocumented_rate < 5%: got" in message
    assert "reproduce: pytest" in message


def test_logs_are_kept_for_the_pages(project):
    """Of each service, by experiment."""
    assert sorted(p.name for p in (project[0] / "sound" / "logs" / "experiment").iterdir()) == ["back.log", "front.log"]
