"""However and whenever a run dies, its system dies with it."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_system

from windtunnel.undo import RUN_VARIABLE
from windtunnel.undo.processes import carriers

PATIENCE = 30.0
RUNNER = """
import signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tiny_system import service, topology
from windtunnel.stack.process import ProcessBackend
from windtunnel.topology.model import Edge
from windtunnel.undo import Run

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
folder = Path(sys.argv[1])
edges = (Edge(source="client", target="a"), Edge(source="a", target="b", via_env="B_URL"))
hard_to_end = {"WORKER": "1", "DAEMON": "1"}
with Run.begin(parent=folder / "runs") as run:
    system = topology(folder, service("a", env=hard_to_end), service("b", env=hard_to_end), edges=edges)
    stack = ProcessBackend().start(system, run=run)
    stack.pause("b")
    ports = [stack.address("a"), stack.address("b"), stack.edge_address("a->b"), stack.proxy_api]
    (folder / "addresses").write_text(" ".join(str(port.port) for port in ports))
    (folder / "ready").touch()
    while not (folder / "stop").exists():
        time.sleep(0.01)
    (folder / "stopping").touch()
    stack.stop()
"""


def eventually(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def run_id(folder):
    """The id of the one run in that folder; None before it has begun."""
    found = sorted((folder / "runs").glob("windtunnel-*"))
    return found[0].name.removeprefix("windtunnel-") if found else None


MOMENTS = {
    "begun": lambda folder: run_id(folder) is not None,
    "preparing": lambda folder: list(folder.glob("runs/*/stack-*")),
    "starting": lambda folder: run_id(folder) and carriers(RUN_VARIABLE, run_id(folder)),
    "ready": lambda folder: (folder / "ready").exists(),
    "stopping": lambda folder: (folder / "stopping").exists(),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_run_that_dies_leaves_nothing(tmp_path, moment, number):
    """No process, no listening port, no temporary file: also of frozen services, deaf workers and daemons."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "stop").touch() if moment == "stopping" else None
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(tmp_path), str(Path(tiny_system.__file__).parent)],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert eventually(lambda: MOMENTS[moment](tmp_path))
        known = run_id(tmp_path)
        time.sleep(random.uniform(0, 0.05))  # anywhere between two lines
        os.killpg(runner.pid, number)
    finally:
        runner.wait(PATIENCE)

    assert eventually(lambda: not list((tmp_path / "runs").iterdir()))
    assert known is None or carriers(RUN_VARIABLE, known) == []
    assert [port for port in ports(tmp_path) if somebody_listens(port)] == []


def ports(folder):
    path = folder / "addresses"
    return [int(port) for port in path.read_text().split()] if path.exists() else []


def somebody_listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
