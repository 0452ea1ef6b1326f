"""A run that dies leaves nothing; a run that lives is left alone."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from windtunnel.errors import StackError
from windtunnel.faults.base import UndoRecord
from windtunnel.undo import RUN_VARIABLE, Run, heal
from windtunnel.undo.burial import JOURNAL, OWNER
from windtunnel.undo.journal import Journal
from windtunnel.undo.processes import carriers, environment, look, same_process
from windtunnel.undo.run import new_id

PATIENCE = 20.0
RUNNER = """
import signal, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from windtunnel.undo import Run

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
run = Run.begin(parent=Path(sys.argv[1]))
(run.directory / "db.sqlite").touch()
child = subprocess.Popen(["sleep", "600"], env=run.env, start_new_session=True)
print(run.run_id, run.reaper.pid, flush=True)
time.sleep(600)
"""


def eventually(condition):
    """Whether it comes true; how long that takes proves nothing."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def runner(tmp_path):
    """A process with a run: the process, the run's id, the reaper's pid."""
    process = subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    run_id, reaper = process.stdout.readline().split()
    yield process, run_id, int(reaper)
    process.kill()
    process.communicate()


def is_clean(parent, run_id):
    return not carriers(RUN_VARIABLE, run_id) and not list(parent.glob("windtunnel-*"))


def alive(pid):
    process = look(pid)
    return process is not None and process.alive


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_dead_run_leaves_nothing(tmp_path, runner, number):
    """Its processes end and its directory goes, then the reaper goes too."""
    process, run_id, reaper = runner
    process.send_signal(number)
    process.wait(PATIENCE)

    assert eventually(lambda: is_clean(tmp_path, run_id))
    assert eventually(lambda: not alive(reaper))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_reaper_ignores_signals_meant_for_the_run(tmp_path, runner, number):
    """It has still work to do when the run has heeded them."""
    process, run_id, reaper = runner
    # Only once it sleeps on its pipe has it set up its signals.
    assert eventually(
        lambda: look(reaper).state == "S" and b"undo.reaper" in Path(f"/proc/{reaper}/cmdline").read_bytes()
    )
    os.kill(reaper, number)
    process.kill()
    process.wait(PATIENCE)

    assert eventually(lambda: is_clean(tmp_path, run_id))


def test_reaper_has_a_session_of_its_own(runner):
    """Ctrl-C in the terminal does not reach it."""
    process, _, reaper = runner

    assert os.getsid(reaper) == reaper != os.getsid(process.pid)


def test_reaper_does_not_look_like_a_process_of_the_run(runner):
    """Or it would end itself before the work is done."""
    _, run_id, reaper = runner

    assert reaper not in [process.pid for process in carriers(RUN_VARIABLE, run_id)]


def test_service_that_outlives_the_run_does_not_hold_the_pipe(tmp_path, runner):
    """A child inherits no write end; else the reaper would wait for the very process it has to end."""
    _, run_id, reaper = runner
    (child,) = carriers(RUN_VARIABLE, run_id)
    pipe = Path(f"/proc/{reaper}/fd/0").readlink()

    assert pipe not in [file.readlink() for file in Path(f"/proc/{child.pid}/fd").iterdir()]


def test_run_that_ends_well_leaves_nothing(tmp_path):
    """No process, no directory, no reaper."""
    with Run.begin(parent=tmp_path) as run:
        child = subprocess.Popen(["sleep", "600"], env=run.env)
        reaper = run.reaper.pid
    child.wait(PATIENCE)
    run.end()

    assert is_clean(tmp_path, run.run_id)
    assert not alive(reaper)


def test_forked_child_does_not_end_the_run(tmp_path):
    """It inherits the object and its exit hook, not the responsibility."""
    with Run.begin(parent=tmp_path) as run:
        pid = os.fork()
        if not pid:
            run.end()
            os._exit(0)
        os.waitpid(pid, 0)

        assert run.directory.exists()


def test_live_run_is_never_healed(tmp_path, runner):
    """Somebody is working there."""
    _, run_id, _ = runner

    assert heal(tmp_path) == []
    assert (tmp_path / f"windtunnel-{run_id}").exists()
    assert len(carriers(RUN_VARIABLE, run_id)) == 1


def test_run_whose_reaper_died_too_is_healed(tmp_path, runner):
    """Somebody has killed everything at once; the next run cleans up."""
    process, run_id, reaper = runner
    os.kill(reaper, signal.SIGKILL)
    process.kill()
    process.wait(PATIENCE)
    done = heal(tmp_path)

    assert any("ended process" in line for line in done)
    assert is_clean(tmp_path, run_id)


def test_beginning_a_run_heals_dead_ones(tmp_path, runner):
    """Nobody needs to think of it."""
    process, run_id, reaper = runner
    os.kill(reaper, signal.SIGKILL)
    process.kill()
    process.wait(PATIENCE)
    with Run.begin(parent=tmp_path):
        assert not (tmp_path / f"windtunnel-{run_id}").exists()


def test_process_that_has_just_been_started_belongs_to_the_run():
    """Its starter goes on while the kernel is still at work on its environment: one in ten would be missed."""
    seen = []
    for number in range(100):
        with subprocess.Popen(["sleep", "600"], env={**os.environ, RUN_VARIABLE: f"young{number}"}) as child:
            seen.append([process.pid for process in carriers(RUN_VARIABLE, f"young{number}")] == [child.pid])
            child.kill()

    assert all(seen), f"{seen.count(False)} of 100 not seen"


def test_process_without_any_environment_is_nobody_s():
    """There is nothing to wait for."""
    with subprocess.Popen(["sleep", "600"], env={}) as child:
        found = environment(child.pid)
        child.kill()

    assert found == [b""]


def dead_directory(parent, **owner):
    """What a run leaves whose owner ended, with some facts changed."""
    with Run.begin(parent=parent) as run:
        facts = json.loads((run.directory / OWNER).read_text())
    directory = parent / "windtunnel-dead"
    directory.mkdir()
    (directory / OWNER).write_text(json.dumps({**facts, "start": 1, **owner}))
    return directory


def test_owner_s_pid_used_again_does_not_keep_a_dead_run(tmp_path):
    """The number is this very process's, the start time is not."""
    directory = dead_directory(tmp_path)
    heal(tmp_path)

    assert not directory.exists()


@pytest.mark.parametrize("foreign", [{"host": "elsewhere"}, {"pids": "pid:[1]"}], ids=["machine", "container"])
def test_run_of_another_machine_or_container_is_left_alone(tmp_path, foreign):
    """They may share a temporary directory, but not the numbers of processes."""
    directory = dead_directory(tmp_path, **foreign)
    heal(tmp_path)

    assert directory.exists()


def test_run_from_before_the_machine_started_is_dead(tmp_path):
    """Whatever its pid says."""
    myself = look(os.getpid())
    directory = dead_directory(tmp_path, boot="earlier", pid=myself.pid, start=myself.start)
    heal(tmp_path)

    assert same_process(myself.pid, myself.start)
    assert not directory.exists()


def test_directory_without_an_owner_is_left_alone(tmp_path):
    """It only has a similar name."""
    (tmp_path / "windtunnel-notes").mkdir()
    heal(tmp_path)

    assert (tmp_path / "windtunnel-notes").exists()


def test_link_is_not_followed(tmp_path):
    """Anybody can put one into the temporary directory."""
    directory = dead_directory(tmp_path)
    hidden = directory.rename(tmp_path / "precious")
    directory.symlink_to(hidden)
    heal(tmp_path)

    assert hidden.exists()


def test_many_may_heal_at_once(tmp_path):
    """Parallel workers begin their runs together, and the reaper may still be at work."""
    for number in range(20):
        directory = dead_directory(tmp_path).rename(tmp_path / f"windtunnel-dead{number}")
        journal = Journal(directory / JOURNAL)
        for name in "abc":
            (directory / name).mkdir()
            journal.plan(UndoRecord(op="remove_tree", data={"path": str(directory / name)}))
    with ThreadPoolExecutor(8) as pool:
        told = [line for lines in pool.map(heal, [tmp_path] * 8) for line in lines]

    assert [line for line in told if "failed:" in line] == []
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_to_is_one_clear_line(tmp_path):
    """With what to do about it, and without a reaper that waits for nobody."""
    with pytest.raises(StackError, match=r"no folder for this run: .*; set TMPDIR"):
        Run.begin(parent=tmp_path / "missing")


def test_run_ids_sort_as_they_were_made():
    """`ls` shows runs in order."""
    ids = []
    for _ in range(3):
        ids.append(new_id())
        eventually(lambda: new_id()[:9] > ids[-1][:9])

    assert ids == sorted(ids)
    assert len(set(ids)) == 3
