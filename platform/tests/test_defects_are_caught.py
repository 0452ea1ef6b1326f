"""The suite can go red: known defects are put into a copy of the packages one by one, and a named test fails.

A suite that stays green whatever is broken is worse than none. The rows are in `defect_table.py`; the table of what
caught what is printed at the end of the run.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from defect_table import DEFECTS

PLATFORM = Path(__file__).parents[1]
pytestmark = pytest.mark.kill_table


class Copies:
    """Changed copies of the packages, and the process that runs tests against them."""

    def __init__(self, folder):
        self.folder = folder
        command = [sys.executable, str(Path(__file__).with_name("defect_runner.py"))]
        self.runner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, tests, file=None, change=None):
        """What came of these tests with one change in."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        for package in ("resilience", "storefront"):
            shutil.copytree(PLATFORM / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        if file is not None:
            source = (copy / file).read_text(encoding="utf-8")
            assert source.count(change[0]) == 1, (
                f"{file} has {change[0]!r} {source.count(change[0])} times: mend the row"
            )
            (copy / file).write_text(source.replace(*change), encoding="utf-8")
        self.runner.stdin.write(json.dumps({"path": str(copy), "tests": tests}) + "\n")
        self.runner.stdin.flush()
        return json.loads(self.runner.stdout.readline())

    def close(self):
        self.runner.stdin.close()
        self.runner.wait()
        self.runner.stdout.close()


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    copies = Copies(tmp_path_factory.mktemp("defects"))
    yield copies
    copies.close()


def test_every_row_names_one_place_of_the_source():
    """Told at once, and all together, when the source has moved on."""
    stale = [d.id for d in DEFECTS if (PLATFORM / d.file).read_text(encoding="utf-8").count(d.change[0]) != 1]

    assert stale == []


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.id}-{defect.what.replace(' ', '-')}")
def test_defect_turns_its_test_red(defect, copies, record_property):
    """With the defect in, the named test fails, and by a failed test, not by an error of this machinery."""
    found = copies.run([defect.test], defect.file, defect.change)
    record_property("kill", (defect.id, defect.what, found["failed"][0] if found["failed"] else "SURVIVED"))

    assert found["code"] == 1
    assert found["failed"][0].startswith(defect.test)


def test_without_the_defects_their_tests_are_green(copies):
    """No false alarm: the same tests, run in the same way on an unchanged copy."""
    assert copies.run(sorted({defect.test for defect in DEFECTS})) == {"code": 0, "failed": []}


def test_every_row_has_an_id_of_its_own():
    """So that a row can be named."""
    ids = [defect.id for defect in DEFECTS]

    assert len(set(ids)) == len(ids)
    assert len(ids) >= 40
