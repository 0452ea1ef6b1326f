"""The suite as a user runs it: a pytest process over a small system, seen from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import small_system

ERASE_TIME = 20.0


@pytest.fixture
def project(tmp_path):
    """A project of somebody's own: a topology, an experiment, and a pytest configuration of three lines."""
    small_system.write_system(tmp_path)
    small_system.write_spec(tmp_path)
    (tmp_path / "pytest.ini").write_text(small_system.INI)
    return tmp_path


STARTED: list[subprocess.Popen] = []


@pytest.fixture(autouse=True)
def _ended():
    """Whatever a test started ends with it, also when the test itself is interrupted."""
    yield
    while STARTED:
        process = STARTED.pop()
        if process.poll() is None:
            process.terminate()
            process.wait()


def start(project, *arguments):
    """Start pytest there, in a session of its own as a shell would, with a temp folder that can be looked at."""
    (project / "tmp").mkdir(exist_ok=True)
    env = {**os.environ, "TMPDIR": str(project / "tmp")}
    env.pop("PYTEST_XDIST_WORKER", None)
    with (project / "output.txt").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=project,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A runner that works in the background ignores SIGINT, and its children would inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no other threads here
        )
    STARTED.append(process)
    return process


def run(project, *arguments):
    """Run pytest there to its end: its exit code and what it printed."""
    process = start(project, *arguments)
    process.wait(timeout=120)
    return process.returncode, (project / "output.txt").read_text()


def left_processes(project):
    """Every process that was started for that project and still lives."""
    marks = (str(project / "tmp"), "WINDTUNNEL_RUN")
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        try:
            env = process.environ()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if env.get("TMPDIR") == marks[0] and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process.info)
    return found


def await_nothing_left(project):
    """Wait until no process and no temporary file of it is left; returns what still is when patience ends."""
    deadline = time.monotonic() + ERASE_TIME
    while True:
        left = left_processes(project) + sorted(p.name for p in (project / "tmp").glob("windtunnel-*"))
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def await_fault(project, process):
    """Wait until the experiment has applied its fault."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        texts = [path.read_text() for path in (project / "reports" / "out" / "histories").glob("*.jsonl")]
        if any('"proven"' in text for text in texts):
            return
        time.sleep(0.05)
    raise AssertionError((project / "output.txt").read_text())


def test_a_run_ends_green_and_leaves_its_evidence(project):
    """Exit code 0, a closing table, a summary, a history, Allure results with a timeline; nothing else stays."""
    code, output = run(project, "-m", "chaos")
    out = project / "reports" / "out"
    summary = json.loads((out / "summary.json").read_text())

    assert code == 0, output
    assert "PASS     experiment" in output
    assert summary["experiments"][0]["verdict"] == "PASS"
    assert len(list((out / "histories").glob("*.jsonl"))) == 1
    assert any(path.read_bytes().startswith(b"\x89PNG") for path in (out / "allure-results").iterdir())
    assert await_nothing_left(project) == []


def test_a_broken_promise_is_one_line_without_a_traceback(project):
    """Figure, limit and sample size; how to reproduce it; nothing of ours in between."""
    small_system.write_spec(project, slo='error_rate: "< 5%"')
    code, output = run(project, "-m", "chaos")

    assert code == 1
    assert "  fault error_rate < 5%: got " in output
    assert "reproduce: pytest 'chaos_specs/experiment.yaml::experiment'" in output
    assert "Traceback" not in output
    assert "items.py" not in output
    assert await_nothing_left(project) == []


def test_two_workers_own_a_system_each(project):
    """`-n 2`: two experiments side by side do not disturb each other."""
    small_system.write_spec(project, name="second")
    code, output = run(project, "-m", "chaos", "-n", "2")
    summary = json.loads((project / "reports" / "out" / "summary.json").read_text())

    assert code == 0, output
    assert [e["verdict"] for e in summary["experiments"]] == ["PASS", "PASS"]
    assert len({e["run"]["worker"] for e in summary["experiments"]}) == 2
    assert await_nothing_left(project) == []


def test_experiments_are_collected_and_selected_as_anyone_expects(project):
    """`--collect-only` and `-k` know the files, the ids and the tags."""
    code, output = run(project, "--collect-only", "-q", "-k", "experiment")

    assert code == 0
    assert "chaos_specs/experiment.yaml::experiment" in output


def test_a_hand_written_test_uses_the_same_proof_and_restoration(project):
    """`with chaos...` breaks, shows that it did, and mends; the toxiproxy client drives the same server."""
    (project / "test_by_hand.py").write_text(
        "import httpx\n"
        "import pytest\n\n\n"
        "def test_partition(stack, chaos):\n"
        "    front = f'http://{stack.edge_address(\"client->front\")}'\n"
        "    assert httpx.get(front).status_code == 200\n"
        "    with chaos.partition('front->back'):\n"
        "        assert httpx.get(front).status_code == 503\n"
        "    assert httpx.get(front).status_code == 200\n\n\n"
        "def test_client(stack, toxiproxy):\n"
        "    assert sorted(toxiproxy.proxies()) == ['client->front', 'front->back']\n"
    )
    code, output = run(project, "test_by_hand.py")

    assert code == 0, output
    assert "2 passed" in output


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "two-workers"])
def test_an_interrupted_run_leaves_nothing(project, sent, workers):
    """Whatever ends the run in the middle of a fault: no process, no port, no temporary file of it stays."""
    process = start(project, "-m", "chaos", *workers)
    await_fault(project, process)
    process.send_signal(sent)
    process.wait(timeout=60)

    assert process.returncode != 0
    assert await_nothing_left(project) == []


def test_an_experiment_whose_worker_died_is_an_error_in_the_summary(project):
    """It must not be missing there: a program that reads the summary would see only what passed."""
    process = start(project, "-m", "chaos", "-n", "1")
    await_fault(project, process)
    (worker,) = [child for child in psutil.Process(process.pid).children() if child.children()]
    worker.kill()
    process.wait(timeout=120)
    (lost,) = json.loads((project / "reports" / "out" / "summary.json").read_text())["experiments"]

    assert process.returncode == 1
    assert (lost["verdict"], lost["reasons"]) == ("ERROR", ["the worker that ran it died"])
    assert await_nothing_left(project) == []


def test_a_failing_test_leaves_nothing(project):
    """A test that fails while a fault is on: the fault is lifted, the system taken down."""
    (project / "test_by_hand.py").write_text(
        "def test_fails(chaos):\n    with chaos.down('front->back'):\n        assert 'this' == 'fails'\n"
    )
    code, output = run(project, "test_by_hand.py")

    assert code == 1
    assert "1 failed" in output
    assert await_nothing_left(project) == []


BAD = {
    "unknown key": ("title: Front", "titel: Front", "titel"),
    "unknown fault": ("fault: down", "fault: doun", "doun"),
    "unknown edge": ("front->back", "front->bakc", "front->bakc"),
    "duration without a unit": ("fault: 2s", "fault: 2", "unit"),
    "empty file": (None, "", "empty"),
}


@pytest.mark.parametrize("mistake", BAD)
def test_a_mistake_in_an_experiment_is_one_line(project, mistake):
    """File, line, what is wrong; exit code not 0; nothing is started."""
    old, new, word = BAD[mistake]
    path = project / "chaos_specs" / "experiment.yaml"
    path.write_text(path.read_text().replace(old, new) if old else new)
    code, output = run(project, "-m", "chaos")
    lines = [line for line in output.splitlines() if "chaos_specs/experiment.yaml:" in line and word in line]

    assert code not in (0, 5)
    assert lines, output
    assert "Traceback" not in output
    assert await_nothing_left(project) == []


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "two-workers"])
def test_an_unknown_profile_is_one_line(project, workers):
    """A slip in its name must not run something else."""
    code, output = run(project, "-m", "chaos", "--wt-profile=nightyl", *workers)

    assert code != 0
    assert "--wt-profile=nightyl: no experiment has such a profile; known: ci" in output
    assert await_nothing_left(project) == []


def test_two_experiments_of_one_id_are_refused(project):
    """They would overwrite each other's history."""
    (project / "chaos_specs" / "more").mkdir()
    path = project / "chaos_specs" / "experiment.yaml"
    (project / "chaos_specs" / "more" / "experiment.yaml").write_text(path.read_text())
    code, output = run(project, "-m", "chaos")

    assert code != 0
    assert "the id 'experiment' is taken by chaos_specs/experiment.yaml" in output


BAD_TOPOLOGY = {
    "cycle in the start order": (
        "port: {env: PORT}, ready: /health/ready}",
        "port: {env: PORT}, ready: /health/ready, after: [front]}",
        "cycle",
    ),
    "missing variable": ("${DEFECT:-none}", "${NOT_SET_ANYWHERE}", "NOT_SET_ANYWHERE"),
    "unknown service in an edge": ("from: front, to: back", "from: front, to: bakc", "bakc"),
}


@pytest.mark.parametrize("mistake", BAD_TOPOLOGY)
def test_a_mistake_in_the_topology_is_one_line(project, mistake):
    """The same for the topology file."""
    old, new, word = BAD_TOPOLOGY[mistake]
    path = project / "topology.yaml"
    text = path.read_text().replace(old, new)
    if "cycle" in mistake:
        text = text.replace("    ready: /health/ready\n", "    ready: /health/ready\n    after: [back]\n")
    path.write_text(text)
    code, output = run(project, "-m", "chaos")

    assert code not in (0, 5)
    assert any("topology.yaml:" in line and word in line for line in output.splitlines()), output
    assert "Traceback" not in output
    assert await_nothing_left(project) == []


def test_a_service_that_dies_at_start_shows_its_last_words(project):
    """The error names the service, its exit code and its last log lines."""
    (project / "back.py").write_text("raise SystemExit('no flag on the mast')\n")
    code, output = run(project, "-m", "chaos")

    assert code == 1
    assert "no flag on the mast" in output
    assert "Traceback" not in output
    assert await_nothing_left(project) == []


def test_a_port_that_is_taken_is_named(project):
    """A service that insists on a port that somebody else has."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        path = project / "topology.yaml"
        path.write_text(
            path.read_text().replace(
                "{command: [python, back.py]}, port: {env: PORT}",
                f"{{command: [python, back.py]}}, port: {{env: PORT, number: {number}}}",
            )
        )
        code, output = run(project, "-m", "chaos")

    assert code == 1
    assert str(number) in output
    assert "taken" in output or "in use" in output
    assert await_nothing_left(project) == []


def test_help_teaches_the_options(project):
    """`pytest --help` names every option of ours."""
    code, output = run(project, "--help")

    assert code == 0
    for option in ("--wt-backend", "--wt-proxy", "--wt-profile", "--wt-topology", "--wt-seed", "--wt-out"):
        assert option in output


def test_paths_are_under_the_project(project):
    """The evidence goes where it was told to, and nowhere else."""
    code, output = run(project, "-m", "chaos", "--wt-out", "elsewhere")

    assert code == 0, output
    assert (project / "elsewhere" / "summary.json").is_file()
    assert not Path(project / "reports").exists()
