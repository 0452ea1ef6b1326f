"""A run of pytest on containers is ended at a moment that nobody chose: nothing of it stays, and nothing else goes."""

import pytest
from docker_system import require_engine, write_project
from killed_runs import KilledRun, number_of_kills

pytestmark = pytest.mark.docker
LATEST = 14.0
"""Seconds after the start of pytest by which it is ended: before, during and after the fault."""
WHOLE = 300.0


def pytest_generate_tests(metafunc):
    """More of them at night."""
    if "number" in metafunc.fixturenames:
        metafunc.parametrize("number", range(number_of_kills(metafunc.config)))


def test_nothing_is_left_of_a_run_that_was_ended_at_a_random_moment(tmp_path, number):
    """Containers, networks, volumes, processes, ports and folders are gone, whichever signal it was."""
    run = KilledRun(write_project(tmp_path), "docker", require_engine())
    how = run.end_at_random(number, latest=LATEST)

    assert run.left() == [], f"{how}: {run.said()}"


def test_the_experiment_that_is_killed_above_would_have_passed(tmp_path):
    """Else the moments above would not lie where they should, and what was counted would not have been there."""
    run = KilledRun(write_project(tmp_path), "docker", require_engine())
    process = run.start()
    run.watch(process, WHOLE)

    assert process.wait(timeout=1) == 0, run.said()
    assert len(run.runs) == 1
    assert run.sockets
    assert run.processes
    assert run.left() == []
