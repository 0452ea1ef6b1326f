"""A run of pytest on containers is ended at a moment that nobody chose: nothing of it stays, and nothing else goes."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from docker_system import left, require_engine, write_project

from windtunnel.undo import RUN_VARIABLE
from windtunnel.undo.processes import carriers

pytestmark = pytest.mark.docker
PATIENCE = 90.0
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
TIMES = int(os.environ.get("WINDTUNNEL_KILLS", "5"))
"""More of them at night."""
LATEST = 14.0
"""Seconds after the start of pytest by which it is ended: before, during and after the fault."""


def start(project):
    """pytest over the experiment, with a folder for temporary files of its own."""
    (project / "tmp").mkdir()
    env = {**os.environ, "TMPDIR": str(project / "tmp")}
    env.pop("PYTEST_XDIST_WORKER", None)
    with (project / "said").open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "-m", "chaos", "--wt-backend=docker", "chaos_specs"],
            cwd=project,
            env=env,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A runner that works in the background ignores SIGINT, and its children would inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no other threads here
        )


def runs(project):
    """The ids of the runs that have a folder there."""
    found = [path.name.lstrip(".") for path in (project / "tmp").glob("*windtunnel-*") if path.is_dir()]
    return {name.removeprefix("windtunnel-") for name in found}


def traces(engine, project, known):
    """Everything that still is: in the engine, among the processes of this machine (containers' too), on its disk."""
    mine = [left(engine, run) + carriers(RUN_VARIABLE, run) for run in known]
    return [trace for found in mine for trace in found] + sorted(runs(project))


@pytest.mark.parametrize("number", range(TIMES))
def test_nothing_is_left_of_a_run_that_was_ended_at_a_random_moment(tmp_path, number):
    """Containers, networks, volumes, processes and folders are gone, whichever signal it was."""
    engine, project = require_engine(), write_project(tmp_path)
    rng = random.Random()
    moment, how = rng.uniform(0.5, LATEST), SIGNALS[number % len(SIGNALS)]
    process, known = start(project), set()
    ends = time.monotonic() + moment
    while time.monotonic() < ends and process.poll() is None:
        known |= runs(project)
        time.sleep(0.02)
    process.send_signal(how)
    process.wait(timeout=60)
    known |= runs(project)
    deadline = time.monotonic() + PATIENCE
    while (found := traces(engine, project, known)) and time.monotonic() < deadline:
        time.sleep(0.2)

    assert found == [], f"{how.name} after {moment:.2f} s: {(project / 'said').read_text()}"


def test_the_experiment_that_is_killed_above_would_have_passed(tmp_path):
    """Else the moments above would not lie where they should."""
    engine, project = require_engine(), write_project(tmp_path)
    process, known = start(project), set()
    while process.poll() is None:
        known |= runs(project)
        time.sleep(0.02)

    assert process.returncode == 0, (project / "said").read_text()
    assert known
    assert traces(engine, project, known) == []
