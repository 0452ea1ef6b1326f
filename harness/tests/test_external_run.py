"""Runs of pytest against a system that runs elsewhere: one that passes, and one that is killed in the middle."""

import os
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import small_system
from external_system import Elsewhere, real_toxiproxy

from windtunnel.api_url import without_credentials
from windtunnel.checks import judge
from windtunnel.errors import BackendError
from windtunnel.faults.base import UndoRecord
from windtunnel.history import FaultEvent, read_history
from windtunnel.stack.backends import Choice, Machine, choose
from windtunnel.topology import read_topology
from windtunnel.toxiproxy import ToxiproxyClient
from windtunnel.undo import OPERATIONS, Journal

PATIENCE = 240.0
"""Seconds; how long it takes proves nothing, and other work may be going on."""
CUT = 'fault: reset, edge: "front->back"'
"""No slowness of the machine looks like it."""


def project(elsewhere, **spec):
    """One experiment on that system, and pytest's configuration."""
    small_system.write_spec(elsewhere.folder, **{"fault": CUT, **spec})
    (elsewhere.folder / "pytest.ini").write_text(small_system.INI)
    (elsewhere.folder / "tmp").mkdir()
    return elsewhere.folder


@pytest.fixture
def start():
    """Starts pytest in a folder; whatever becomes of the test, it does not outlive it."""
    started = []

    def start(folder, *arguments):
        env = {**os.environ, "TMPDIR": str(folder / "tmp")}
        env.pop("PYTEST_XDIST_WORKER", None)
        with (folder / "output.txt").open("w") as output:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "pytest", "-m", "chaos", "--wt-backend=external", *arguments],
                    cwd=folder,
                    env=env,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def binary(real):
    """Shopify's server if it is asked for; None: ours."""
    if real and real_toxiproxy() is None:
        pytest.skip("no Toxiproxy server: make toxiproxy builds it")
    return real_toxiproxy() if real else None


def eventually(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("real", [False, True], ids=["windtunnel proxy", "toxiproxy"])
def test_an_experiment_is_proven_and_judged_on_a_system_that_runs_elsewhere(tmp_path, start, real):
    """The fault's whole life, on canaries and on the load; the proxies are as they were before.

    What the verdict is depends on how quick this machine is.
    """
    with Elsewhere(tmp_path, binary=binary(real), flags=("-proxy-metrics",)) as elsewhere:
        folder = project(elsewhere)
        start(folder).wait(PATIENCE)
        output = (folder / "output.txt").read_text()
        history = read_history(folder / "reports" / "out" / "histories" / "experiment.jsonl")
        left = elsewhere.toxics()
    faults = [event for event in history.events if isinstance(event, FaultEvent)]

    assert "windtunnel: backend external, proxy its own, profile ci" in output
    assert [event.what for event in faults] == ["planned", "applied", "proven", "proven", "removed", "restored"], output
    assert ("had sent" in faults[3].proof) == real
    assert judge(history).outcome in ("PASS", "FAIL")
    assert left == []


def test_what_is_missing_is_skipped_with_its_reason(tmp_path, start):
    """A signal, for one."""
    with Elsewhere(tmp_path) as elsewhere:
        folder = project(elsewhere, fault="fault: kill, service: back")
        code = start(folder).wait(PATIENCE)
        output = (folder / "output.txt").read_text()

    assert code == 0, output
    assert "kill needs signals, which the external backend cannot send" in output


@pytest.mark.parametrize("real", [False, True], ids=["windtunnel proxy", "toxiproxy"])
def test_a_killed_run_leaves_nothing_of_its_own_and_all_of_others(tmp_path, start, real):
    """SIGKILL in the middle of the fault: the reaper removes our toxic, and not the one that somebody else set."""
    with Elsewhere(tmp_path, binary=binary(real), flags=("-proxy-metrics",)) as elsewhere:
        folder = project(elsewhere)
        elsewhere.client.add_toxic("between", "latency", name="theirs", attributes={"latency": 1})
        process = start(folder)
        seen = eventually(lambda: process.poll() is not None or len(elsewhere.toxics()) == 2)
        during = elsewhere.toxics()
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
        gone = eventually(lambda: elsewhere.toxics() == ["theirs"] and not list((folder / "tmp").glob("windtunnel-*")))

    assert seen
    assert [name.startswith("wt-") for name in during] == [False, True], (folder / "output.txt").read_text()
    assert gone


def test_two_workers_cannot_share_one_system(tmp_path, start):
    """Each would see the other's faults."""
    with Elsewhere(tmp_path) as elsewhere:
        folder = project(elsewhere)
        code = start(folder, "-n", "2").wait(PATIENCE)
        output = (folder / "output.txt").read_text()

    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--wt-backend=external: two workers cannot share one system; leave out -n" in output


@pytest.fixture
def topology(tmp_path):
    """One that gives addresses only, of a system that does not run."""
    small_system.write_system(tmp_path)
    elsewhere = Elsewhere(tmp_path)
    elsewhere.ports = dict.fromkeys(("api", "back", "front", "between", "door"), 1)
    return read_topology(elsewhere.write_topology(api="http://127.0.0.1:1"))


def test_auto_reaches_a_system_that_nothing_could_start(topology):
    """And says why."""
    expected = Choice(backend="external", backend_reason="auto: the topology gives addresses only", proxy="external")

    assert choose("auto", "auto", topology, Machine(environ={})) == expected


def test_a_proxy_cannot_be_chosen_for_it(topology):
    """It has its own."""
    with pytest.raises(BackendError, match="--wt-proxy=embedded: a system that runs elsewhere has its own"):
        choose("external", "embedded", topology)


def test_a_topology_without_addresses_is_refused(tmp_path):
    """With what to write."""
    system = read_topology(small_system.write_system(tmp_path))
    with pytest.raises(BackendError, match=r"says of no service where it runs; add external: \{url: "):
        choose("external", "auto", system)


class Guarded(BaseHTTPRequestHandler):
    """An API that wants a password."""

    def do_GET(self):
        self.server.heard.append(self.headers["Authorization"])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"version": "9"}')

    def do_DELETE(self):
        self.server.heard.append(self.headers["Authorization"])
        self.send_response(204 if self.server.willing else 500)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def guarded():
    server = HTTPServer(("127.0.0.1", 0), Guarded)
    server.heard, server.willing = [], True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_password_reaches_the_api_from_the_run_and_from_the_reaper(guarded, tmp_path):
    """As HTTP has it, for both; escapes in the URL are undone."""
    url = f"http://me:pass%40word-99@127.0.0.1:{guarded.server_port}"
    with ToxiproxyClient(url) as client:
        client.version()
    OPERATIONS["toxic_remove"]({"api": url, "proxy": "p", "toxic": "t"}, tmp_path)
    expected = "Basic " + b64encode(b"me:pass@word-99").decode()

    assert guarded.heard == [expected, expected]


def test_a_password_is_not_told_by_undoing(guarded, tmp_path, caplog):
    """Neither by a pending act, nor by one that failed, nor in a log of ours or of httpx."""
    caplog.set_level(0)
    guarded.willing = False
    url = f"http://me:pass-word-99@127.0.0.1:{guarded.server_port}"
    journal = Journal(tmp_path / "undo.jsonl")
    journal.plan(UndoRecord(op="toxic_remove", data={"api": url, "proxy": "p", "toxic": "t"}))
    from windtunnel.undo.journal import play

    with ToxiproxyClient(url) as client:
        client.version()
    told = [*play(journal, tmp_path), *map(str, journal.pending())]

    assert [line for line in told if line.startswith("failed: toxic_remove api=http://127.0.0.1:")]
    assert "pass-word-99" not in "".join(told) + caplog.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://me:se@cret@host:1/x failed", "at http://host:1/x failed"),
        ("HTTPS://token@host and http://b", "HTTPS://host and http://b"),
        ("no url, me@host", "no url, me@host"),
    ],
)
def test_credentials_are_taken_out_of_any_text(text, shown):
    """Whatever they look like; a mail address stays."""
    assert without_credentials(text) == shown
