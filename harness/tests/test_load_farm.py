"""Locust as its users start it, with our load in it: alone, in processes, with the web UI; and never a wrong figure."""

import json
import signal
import time
import urllib.parse
import urllib.request
from itertools import pairwise

import load_farm
import pytest


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with load_farm.FreezingServer(tmp_path_factory.mktemp("server") / "answered.txt") as running:
        yield running


@pytest.fixture
def farm(server, tmp_path):
    with load_farm.Farm(tmp_path / "farm", server.url) as made:
        yield made


def test_locust_alone_sends_the_plan(farm):
    """Headless, in one process, to the end of the plan; Locust's own table counts the same."""
    farm.start("50/s 1s constant, 50/s-150/s 1s constant")
    code, result = farm.end()

    assert (code, result["verdict"], result["complete"]) == (0, "passed", True), farm.said()
    assert result["offered"] == result["sent"] == result["total"]["requests"] == 150
    assert result["total"]["outcomes"] == {"ok": 150}
    assert " 150     0(0.00%)" in farm.said()


def test_three_workers_send_one_plan(farm):
    """Every arrival once, evenly over all workers, on the master's clock; counts as the samples."""
    farm.start("90/s 3s constant", 3)
    code, result = farm.end()
    due = [sample["due"] for sample in farm.samples()]
    clocks = [worker["clock"] for worker in result["workers"]]
    doubt = 2 * max(clock["bound_s"] for clock in clocks)

    assert (code, result["complete"]) == (0, True), farm.said()
    assert [worker["offered"] for worker in result["workers"]] == [90, 90, 90]
    assert [d - due[0] for d in due] == pytest.approx([k / 90 for k in range(270)], abs=1e-6)
    assert result["total"]["requests"] == len(due) == 270
    assert all(a <= b for a, b in pairwise(due))
    # One machine, so one clock: what was measured is wrong by no more than it says.
    assert all(abs(clock["ahead_s"]) <= clock["bound_s"] for clock in clocks)
    assert doubt < 1.0


def test_processes_of_one_machine_are_workers(farm):
    """`--processes 2` needs nothing else."""
    farm.start("60/s 1s", 0, "--processes", "2", "--master-bind-port", str(farm.port), "--master-port", str(farm.port))
    code, result = farm.end()

    assert code == 0, farm.said()
    assert [worker["share"] for worker in result["workers"]] == [[0, 2], [1, 2]]
    assert result["sent"] == result["offered"] > 0


def test_a_killed_worker_makes_the_run_invalid(farm):
    """It is noticed and named, and the run ends at once: the others alone are not the load that was asked for."""
    farm.start("90/s 300s", 3)
    farm.wait_for_samples(100)
    farm.workers[1].kill()
    code, result = farm.end()
    lost = [reason for reason in result["reasons"] if "was lost" in reason]

    assert (code, result["verdict"], result["complete"]) == (3, "unknown", False), farm.said()
    assert len(lost) == 1
    assert any(worker["name"] in lost[0] for worker in result["workers"])
    assert "INVALID, do not use these figures" in farm.said()


def test_a_starved_worker_makes_the_run_invalid(farm):
    """For two of its four seconds it had no processor: too late for a load, too short to be lost."""
    farm.start("100/s 4s constant", 2)
    farm.wait_for_samples(60)
    farm.workers[0].send_signal(signal.SIGSTOP)
    time.sleep(2.0)
    farm.workers[0].send_signal(signal.SIGCONT)
    code, result = farm.end()

    assert (code, result["verdict"]) == (3, "unknown"), farm.said()
    assert any("ran late" in reason for reason in result["reasons"])
    assert result["sent"] == result["offered"] == 400


def test_minus_t_ends_the_run(farm):
    """Of a plan that has no end; -u and -r mean nothing, and that is said."""
    farm.start("50/s", 1, "-t", "2s", "-u", "70", "-r", "5")
    code, result = farm.end()

    assert (code, result["verdict"], result["complete"]) == (0, "passed", False), farm.said()
    assert result["offered"] >= 50
    assert result["total"]["requests"] == result["sent"]
    assert "-u and -r mean nothing here" in farm.said()


def test_an_interrupt_still_gives_a_result(farm):
    """Ctrl-C at the master: workers drain, and their last reports are in."""
    farm.start("100/s", 2)
    farm.wait_for_samples(60)
    farm.main.send_signal(signal.SIGINT)
    _, result = farm.end()

    assert (result["verdict"], result["complete"]) == ("passed", False), farm.said()
    assert result["total"]["requests"] == result["sent"] == len(farm.samples()) >= 60


@pytest.mark.parametrize(("limit", "code", "verdict"), [(60.0, 0, "passed"), (0.0, 1, "failed")])
def test_the_judge_decides_the_exit_code(server, tmp_path, limit, code, verdict):
    """It sees the merged histograms."""
    with load_farm.Farm(tmp_path / "farm", server.url, judged_by=limit) as farm:
        farm.start("40/s 1s", 2)
        ended, result = farm.end()

        assert (ended, result["verdict"]) == (code, verdict), farm.said()


@pytest.mark.parametrize(("slo", "code", "verdict"), [("kept", 0, "passed"), ("kept,broken", 1, "failed")])
def test_an_slo_file_decides_the_exit_code(farm, slo, code, verdict):
    """Objectives by name, asked of all workers together."""
    farm.start("40/s 2s", 2, "--wt-slo", slo)
    ended, result = farm.end()

    assert (ended, result["verdict"]) == (code, verdict), farm.said()


def test_a_worker_with_other_scenarios_is_refused(farm, tmp_path):
    """Figures of two different loads must not be merged."""
    with load_farm.Farm(tmp_path / "other", farm.url) as other:
        (other.folder / "scenarios.py").write_text(load_farm.SCENARIOS + "# changed\n")
        farm.start("40/s 1s", 1, "--expect-workers", "2")
        farm.add_worker(other.folder)
        code, result = farm.end()

    assert (code, result["verdict"]) == (3, "unknown"), farm.said()
    assert any("refused" in reason and "not the master's scenarios" in reason for reason in result["reasons"])
    assert result["sent"] == 0


@pytest.mark.parametrize(
    ("load", "more", "complaint"),
    [
        ("fast", (), "--wt-load: 'fast': 'fast' is not a rate"),
        ("50/s", ("--wt-mix", "ok=0"), "--wt-mix: 'ok=0' is no part of a mix"),
        ("50/s", ("--wt-timeout", "5"), "--wt-timeout: '5' has no unit"),
        ("50/s", ("--host", ""), "--host: no address for shop; say --host shop=URL"),
    ],
)
def test_a_wrong_option_is_one_clear_line(farm, load, more, complaint):
    """Before any load, with exit code 2."""
    farm.start(load, 0, *more)
    code, result = farm.end()

    assert (code, result) == (2, None), farm.said()
    assert complaint in farm.said()


def test_the_web_ui_starts_and_stops_a_run(farm):
    """Twice, from its form; its own statistics are filled, from the due time."""
    port = farm.own_port()
    farm.start("50/s", 1, "--web-host", "127.0.0.1", "--web-port", str(port), headless=False)
    farm.wait_for("1 workers connected")

    def call(path, **form):
        data = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data=data, timeout=30) as answer:
            return json.loads(answer.read())

    counts = []
    for rate in ("80/s", "60/s"):
        assert call("/swarm", user_count=1, spawn_rate=1, host=farm.url, wt_load=rate)["success"]
        farm.samples_file.unlink(missing_ok=True)
        farm.wait_for_samples(30)
        while not (stats := call("/stats/requests")["stats"])[0]["num_requests"]:
            time.sleep(0.1)
        assert call("/stop", now="yes")["success"]
        counts.append(json.loads(farm.result_file.read_text()))

        assert stats[0]["name"] == "GET /ok"
    assert [result["verdict"] for result in counts] == ["passed", "passed"], farm.said()
    assert all(result["total"]["requests"] == result["sent"] >= 30 for result in counts)


def test_a_run_that_lost_all_of_its_workers_is_invalid(farm):
    """Locust ends such a run by itself, at a moment of its own: the verdict comes all the same."""
    farm.start("90/s 300s", 2)
    farm.wait_for_samples(60)
    for worker in farm.workers:
        worker.kill()
    code, result = farm.end()

    assert (code, result and result["verdict"]) == (3, "unknown"), farm.said()
    assert all(any(worker["name"] in reason for reason in result["reasons"]) for worker in result["workers"])
