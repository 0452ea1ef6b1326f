"""The generator is a process of its own: it serves many runs, tells how it died, and never outlives its harness."""

import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import load_server
import pytest

import windtunnel.load.run
from windtunnel.errors import BadInputError, LoadError
from windtunnel.load.driver import LoadDriver


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with LoadDriver(tmp_path_factory.mktemp("load") / "engine.log") as started:
        yield started


@pytest.fixture
def mortal(tmp_path):
    """A driver whose process a test may ruin."""
    with LoadDriver(tmp_path / "engine.log") as started:
        yield started


@pytest.fixture
def server():
    with load_server.Server() as running:
        yield running


def await_end(pid, patience=20.0):
    """Wait until that process has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], patience)[0])
    finally:
        os.close(handle)


def test_the_harness_does_not_import_locust():
    """Its patches would break every other test of the process."""
    script = (
        "import sys, windtunnel.load.driver, windtunnel.load.distributed.coordinator;"
        "print([m for m in sys.modules if m in ('locust', 'gevent')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_runs_follow_one_another_in_one_process(driver, server, tmp_path):
    """Each starts with an empty memory, fresh connections and a count of its own."""
    pid, plan = driver.pid, load_server.plan(load_server.write_scenarios(tmp_path), server.url, "counts")
    first, first_report = load_server.drive(driver, plan, 10)
    connections = server.connections
    second, second_report = load_server.drive(driver, plan, 10)

    assert driver.pid == pid
    assert "GET /1" in {sample.route for sample in first} & {sample.route for sample in second}
    assert (len(first), len(second)) == (first_report.sent, second_report.sent)
    assert server.connections > connections
    assert not {sample.request_id for sample in first} & {sample.request_id for sample in second}


def test_scenarios_are_read_anew_for_each_run(driver, server, tmp_path):
    """A file that was changed meanwhile counts as it is now."""
    load_server.drive(driver, load_server.plan(load_server.write_scenarios(tmp_path, "/chunked"), server.url, "ask"), 1)
    samples, _ = load_server.drive(
        driver, load_server.plan(load_server.write_scenarios(tmp_path, "/slow"), server.url, "ask"), 1
    )

    assert {sample.route for sample in samples} == {"GET /slow"}


SET_UP = """
def set_up(client):
    client.memory["token"] = client.request("GET", "shop", "/ok").json()["n"]


def ok(client):
    client.request("GET", "shop", "/ok", route=f"GET /{client.memory['token']}")
"""


def test_a_set_up_runs_once_before_the_load(driver, server, tmp_path):
    """What it leaves in the memory is there for all; its requests are no samples, also in Locust's count."""
    file = tmp_path / "prepared.py"
    file.write_text(SET_UP)
    samples = load_server.Collected()
    run = driver.start(load_server.plan(file, server.url), samples)
    samples.wait_for(3)
    run.stop(5.0)

    assert {sample.route for sample in samples} == {"GET /42"}
    assert len(server.requests) == len(samples) + 1
    assert run.locust["requests"] == len(samples)


def test_a_set_up_that_fails_is_one_clear_line(driver, tmp_path):
    """No load is sent, since it could only fail."""
    file = tmp_path / "prepared.py"
    file.write_text(SET_UP)
    with pytest.raises(BadInputError, match="set_up failed: JSONDecodeError") as caught:
        driver.start(load_server.plan(file, "http://127.0.0.1:1"), print)

    assert caught.value.path == file


def test_progress_shows_rate_and_errors(driver, server, tmp_path):
    """Both are of about the last second, and cost nothing to read."""
    file = load_server.write_scenarios(tmp_path, "/status/500")
    samples = load_server.Collected()
    with driver.start(load_server.plan(file, server.url, "ask"), samples) as run:
        before = run.progress
        samples.wait_for(20)
        during = run.progress

    assert (before.rate, before.errors) <= (during.rate, during.errors)
    assert during.offered >= during.sent >= 20
    assert during.rate > 0
    assert during.errors > 0


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("def ok(client:\n", 1, "SyntaxError"),
        ("\n\nimport no_such_module\n", 3, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(2)\n", 1, "SystemExit: 2"),
        ("def another(client): ...\ndef _hidden(client): ...\n", None, "no scenario 'ok'; known: another"),
        (None, None, "no such Python file of scenarios"),
    ],
)
def test_a_bad_scenario_file_is_one_clear_line(driver, tmp_path, text, line, complaint):
    """It says where and what."""
    file = tmp_path / "bad.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadInputError) as caught:
        driver.start(load_server.plan(file, "http://127.0.0.1:1"), print)

    assert str(caught.value).startswith(f"{file}:{line}: " if line else f"{file}: ")
    assert complaint in str(caught.value)


def test_a_refused_plan_costs_the_next_run_nothing(driver, server, tmp_path):
    """The engine lives on."""
    pid = driver.pid
    with pytest.raises(BadInputError):
        driver.start(load_server.plan(tmp_path / "absent.py", server.url), print)

    assert load_server.drive(driver, load_server.plan(load_server.write_scenarios(tmp_path), server.url), 1)[0]
    assert driver.pid == pid


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "127.0.0.1:1", "http://"])
def test_a_target_that_cannot_be_used_is_one_clear_line(driver, tmp_path, url):
    """Before any load is sent."""
    with pytest.raises(BadInputError, match="load cannot be sent to"):
        driver.start(load_server.plan(load_server.write_scenarios(tmp_path), url), print)


def test_one_driver_makes_one_run_at_a_time(driver, server, tmp_path):
    """A run that was forgotten is an error of the next start, not a second load."""
    plan = load_server.plan(load_server.write_scenarios(tmp_path), server.url)
    with driver.start(plan, lambda samples: None), pytest.raises(LoadError, match="was not stopped"):
        driver.start(plan, lambda samples: None)


def test_samples_that_nobody_could_take_are_told(driver, server, tmp_path):
    """What `on_samples` raises comes out of `stop`, and the load has ended then."""

    refused = threading.Event()

    def refuse(samples):
        refused.set()
        raise OSError("the disk is full")

    run = driver.start(load_server.plan(load_server.write_scenarios(tmp_path), server.url), refuse)
    assert refused.wait(30)
    with pytest.raises(OSError, match="the disk is full"):
        run.stop(5.0)

    assert load_server.drive(driver, load_server.plan(load_server.write_scenarios(tmp_path), server.url), 1)[0]


def test_stopping_twice_gives_the_same_report(driver, server, tmp_path):
    """So that a cleanup may stop what was stopped."""
    run = driver.start(load_server.plan(load_server.write_scenarios(tmp_path), server.url), lambda samples: None)

    assert run.stop(5.0) is run.stop(5.0)


def test_a_death_during_a_run_is_told_at_once(mortal, server, tmp_path):
    """With the last lines of the dead; the next run has a fresh process."""
    file = load_server.write_scenarios(tmp_path)
    dead = mortal.pid
    run = mortal.start(load_server.plan(file, server.url, "dies"), lambda samples: None)
    assert await_end(dead)
    with pytest.raises(LoadError, match="last words of the scenario"):
        run.stop(1000.0)
    with pytest.raises(LoadError, match="exit status -9"):
        _ = run.progress

    assert load_server.drive(mortal, load_server.plan(file, server.url), 1)[0]
    assert mortal.pid != dead


def test_a_death_between_runs_is_told_by_the_next_call(mortal, server, tmp_path):
    """Once; the call after that has a fresh process."""
    plan = load_server.plan(load_server.write_scenarios(tmp_path), server.url)
    load_server.drive(mortal, plan, 1)
    os.kill(mortal.pid, signal.SIGKILL)
    with pytest.raises(LoadError, match="the load generator died"):
        mortal.start(plan, print)

    assert load_server.drive(mortal, plan, 1)[0]


def test_a_scenario_that_never_gives_way_is_an_error(mortal, server, tmp_path, monkeypatch):
    """The generator is killed, and the next run has a fresh one."""
    monkeypatch.setattr(windtunnel.load.run, "PATIENCE", 0.3)
    file = load_server.write_scenarios(tmp_path)
    hung = mortal.pid
    run = mortal.start(load_server.plan(file, server.url, "never_gives_way"), lambda samples: None)
    load_server.wait_for_line(tmp_path / "engine.log", f"engine {hung}")
    with pytest.raises(LoadError, match="did not answer within"):
        run.stop(0.0)
    assert await_end(hung)
    monkeypatch.undo()

    assert load_server.drive(mortal, load_server.plan(file, server.url), 1)[0]


def test_a_closed_driver_leaves_no_process(server, tmp_path):
    """Also in the middle of a run, which is told."""
    driver = LoadDriver(tmp_path / "engine.log")
    run = driver.start(load_server.plan(load_server.write_scenarios(tmp_path), server.url), lambda samples: None)
    pid = driver.pid
    driver.close()
    driver.close()

    assert await_end(pid)
    with pytest.raises(LoadError, match="was closed"):
        run.stop(5.0)
    with pytest.raises(LoadError, match="closed"):
        driver.start(load_server.plan(tmp_path, server.url), print)


def test_a_terminals_interrupt_does_not_reach_the_generator(driver):
    """It leads a session of its own; the harness stops it in order."""
    assert os.getsid(driver.pid) == driver.pid != os.getsid(0)


PARENT = """
import signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import load_server
from windtunnel.load.driver import LoadDriver

log = Path({folder!r}) / "engine.log"
driver = LoadDriver(log)
file = load_server.write_scenarios(Path({folder!r}))
samples = load_server.Collected()
run = driver.start(load_server.plan(file, {url!r}, {scenario!r}), samples)
if {scenario!r} == "ok":
    samples.wait_for(1)
else:
    load_server.wait_for_line(log, "engine")
print(driver.pid, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("scenario", ["ok", "never_gives_way"])
def test_the_generator_ends_when_its_harness_is_killed(server, tmp_path, scenario):
    """Even while a scenario never gives way: nobody is left to stop it."""
    script = PARENT.format(tests=str(Path(__file__).parent), folder=str(tmp_path), url=server.url, scenario=scenario)
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True) as parent:
        engine = int(parent.stdout.readline())
        parent.kill()
        ended = await_end(engine)

    assert ended
