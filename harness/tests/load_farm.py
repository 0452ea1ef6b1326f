"""Locust with our load, as a user starts it: a master and its workers, each a process; and a server that can freeze."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from windtunnel.stack.ports import reserve_port

SERVER = Path(__file__).with_name("freezing_server.py")
TOPOLOGY = """
topology: windtunnel/v1
name: small
scenarios: scenarios.py
services:
  shop: {process: {command: [python, -c, "0"]}}
edges:
  - {from: client, to: shop}
"""
SCENARIOS = """
def ok(client):
    client.request("GET", "shop", "/ok")
"""
LOCUSTFILE = """
from pathlib import Path

from windtunnel.load.distributed.user import OpenModelUser, PlannedRate

HERE = Path(__file__).parent


class Customer(OpenModelUser):
    scenarios = HERE / "scenarios.py"
    topology = HERE / "topology.yaml"
    slos = HERE / "slos.yaml"
    mix = "ok"
"""
SLOS = """
slos: windtunnel/v1
objectives:
  kept: {errors: "<= 0", ok: {max: "< 1m"}}
  broken: {p50: "< 1us"}
"""
JUDGED = """
    def judge(result):
        return [] if result.tally.of().latency.quantile(0.5) < LIMIT else ["the median is over its limit"]
"""


@contextmanager
def process(command, log, **options):
    """A process of its own, ended with the block; what it says goes to `log`."""
    with log.open("ab") as file:
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            # A runner that works in the background ignores SIGINT, and its children would inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no other threads here
            **options,
        )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGCONT)
        started.terminate()
        try:
            started.wait(15)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def read_record(path: Path) -> dict[str, float]:
    """Request id -> when the server had answered it."""
    whole = path.read_text().rpartition("\n")[0]
    return {name: float(t) for name, t in map(str.split, whole.splitlines())}


class FreezingServer:
    """Answers at once; while it is frozen the kernel takes its connections and nobody answers."""

    def __init__(self, record: Path):
        self._record = record
        command = [sys.executable, str(SERVER), str(record)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def answered(self):
        """Request id -> when the server itself had answered it."""
        return read_record(self._record)

    def freeze(self, seconds):
        """Returns when it began and when it ended."""
        self._process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        time.sleep(seconds)
        self._process.send_signal(signal.SIGCONT)
        return began, time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class Farm:
    """A folder with a locustfile, and the processes that run it."""

    def __init__(self, folder: Path, url: str, judged_by: float | None = None):
        self.folder, self.url, self.log = folder, url, folder / "log.txt"
        self.result_file, self.samples_file = folder / "result.json", folder / "samples.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "topology.yaml").write_text(TOPOLOGY)
        (folder / "scenarios.py").write_text(SCENARIOS)
        (folder / "slos.yaml").write_text(SLOS)
        judge = "" if judged_by is None else JUDGED.replace("LIMIT", str(judged_by))
        (folder / "locustfile.py").write_text(LOCUSTFILE + judge)
        self._open = ExitStack()
        self.port = self.own_port()
        self.workers = []

    def start(self, load, workers=0, *more, headless=True):
        """The master with that many workers; 0: one process that is both."""
        self.main = self._locust(
            "--host", self.url, "--wt-load", load, "--wt-result", str(self.result_file),
            "--wt-samples", str(self.samples_file), "--only-summary",
            *(["--headless"] if headless else []),
            *(["--master", "--master-bind-port", str(self.port), "--expect-workers", str(workers)] if workers else []),
            *more,
        )  # fmt: skip
        self.workers = [self.add_worker() for _ in range(workers)]

    def own_port(self):
        """One that no connection is given meanwhile, until the farm is closed."""
        reservation = reserve_port()
        self._open.callback(reservation.release)
        return reservation.port

    def add_worker(self, folder=None):
        return self._locust("--worker", "--master-port", str(self.port), folder=folder)

    def _locust(self, *arguments, folder=None):
        command = [sys.executable, "-m", "locust", "-f", str((folder or self.folder) / "locustfile.py"), *arguments]
        return self._open.enter_context(process(command, self.log))

    def wait_for(self, text, patience=60.0):
        """Until the log matches."""
        deadline = time.monotonic() + patience
        while not (found := re.search(text, self.said())):
            assert time.monotonic() < deadline, f"{text!r} was not said:\n{self.said()}"
            assert self.main.poll() is None, f"it ended with {self.main.returncode}:\n{self.said()}"
            time.sleep(0.02)
        return found

    def wait_for_samples(self, count, patience=60.0):
        deadline = time.monotonic() + patience
        while not self.samples_file.exists() or self.samples_file.read_bytes().count(b"\n") < count:
            assert time.monotonic() < deadline, f"no {count} samples:\n{self.said()}"
            assert self.main.poll() is None, f"it ended with {self.main.returncode}:\n{self.said()}"
            time.sleep(0.05)

    def end(self, patience=120.0):
        """Wait for the end of the run: exit code and result."""
        handle = os.pidfd_open(self.main.pid)
        try:
            assert select.select([handle], [], [], patience)[0], f"it does not end:\n{self.said()}"
        finally:
            os.close(handle)
        result = json.loads(self.result_file.read_text()) if self.result_file.exists() else None
        return self.main.wait(), result

    def samples(self):
        """By due time."""
        if not self.samples_file.exists():
            return []
        whole = self.samples_file.read_text().rpartition("\n")[0]
        return sorted((json.loads(line) for line in whole.splitlines()), key=lambda sample: sample["due"])

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._open.close()
