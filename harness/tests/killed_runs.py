"""Ending a run of pytest at a random moment, and counting what is left of it: for both backends."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from docker_system import left

from windtunnel.undo import RUN_VARIABLE
from windtunnel.undo.engine import RUN_LABEL, Engine
from windtunnel.undo.processes import carriers

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
PATIENCE = 90.0
"""Seconds until nothing may be left."""
KILLS = {"nightly": 50}
"""By `--wt-profile`."""
USUALLY = 5
SEED = os.environ.get("WINDTUNNEL_KILLS_SEED") or str(random.SystemRandom().randrange(10**6))
LOOK_EVERY = 0.5
"""Seconds. A look reads much of /proc, and the run that is looked at is judged by how fast it answers."""


def number_of_kills(config) -> int:
    """Five, and fifty at night; WINDTUNNEL_KILLS says another number."""
    profile = config.getoption("--wt-profile")
    return int(os.environ.get("WINDTUNNEL_KILLS") or KILLS.get(profile, USUALLY))


@dataclass
class KilledRun:
    """One run over a project, ended by us. What it has is noted while it runs; afterwards all of it must be gone."""

    project: Path
    backend: str
    engine: Engine | None = None
    runs: set[str] = field(default_factory=set)
    processes: set[psutil.Process] = field(default_factory=set)
    sockets: set[tuple[int, str]] = field(default_factory=set)
    """Those that listened: port and inode. A port alone may be somebody else's by then."""

    def start(self) -> subprocess.Popen:
        """pytest over the experiments, with a folder for temporary files of its own."""
        (self.project / "tmp").mkdir()
        env = {**os.environ, "TMPDIR": str(self.project / "tmp")}
        env.pop("PYTEST_XDIST_WORKER", None)
        with (self.project / "said").open("wb") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "pytest", "-m", "chaos", f"--wt-backend={self.backend}", "chaos_specs"],
                cwd=self.project,
                env=env,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A runner that works in the background ignores SIGINT, and its children would inherit that.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no other threads here
            )

    def end_at_random(self, number: int, *, latest: float) -> str:
        """Run it, and end it by then; returns how, for whoever wants to repeat it."""
        rng = random.Random(f"{SEED}/{self.backend}/{number}")
        moment, how = rng.uniform(0.5, latest), SIGNALS[number % len(SIGNALS)]
        told = f"WINDTUNNEL_KILLS_SEED={SEED}, kill {number}: {how.name} after {moment:.2f} s"
        print(told)
        process = self.start()
        self.watch(process, moment)
        process.send_signal(how)
        process.wait(timeout=60)
        self.runs |= self._folders()
        return told

    def watch(self, process: subprocess.Popen, seconds: float) -> None:
        """Until it has ended, or so long."""
        ends = time.monotonic() + seconds
        while (remaining := ends - time.monotonic()) > 0 and process.poll() is None:
            self._look(process.pid)
            time.sleep(max(0.0, min(LOOK_EVERY, remaining)))

    def left(self) -> list[str]:
        """What is there after all the patience."""
        deadline = time.monotonic() + PATIENCE
        while (found := self._traces()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return found

    def said(self) -> str:
        """What pytest has printed."""
        return (self.project / "said").read_text()

    def _look(self, pid: int) -> None:
        self.runs |= self._folders()
        with suppress(psutil.Error):
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            self.processes.update(family)
            ports = {port for process in family for port in _listening(process)}
            for run in self.runs if self.engine else ():
                ports |= _published(self.engine, run)
            self.sockets |= {(port, inode) for port, inode in _listeners() if port in ports}

    def _folders(self) -> set[str]:
        found = [path.name.lstrip(".") for path in (self.project / "tmp").glob("*windtunnel-*") if path.is_dir()]
        return {name.removeprefix("windtunnel-") for name in found}

    def _traces(self) -> list[str]:
        inside = [name for run in self.runs for name in left(self.engine, run)] if self.engine else []
        marked = [f"process {found.pid} of the run" for run in self.runs for found in carriers(RUN_VARIABLE, run)]
        below = [f"process {found.pid} of pytest" for found in self.processes if _runs(found)]
        ports = [f"port {port}" for port, _ in sorted(self.sockets & _listeners())]
        return [*inside, *marked, *below, *ports, *(f"folder of {run}" for run in sorted(self._folders()))]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _listening(process: psutil.Process) -> set[int]:
    try:
        found = process.net_connections("tcp4")
    except psutil.Error:
        return set()
    return {connection.laddr.port for connection in found if connection.status == psutil.CONN_LISTEN}


def _published(engine: Engine, run: str) -> set[int]:
    filters = f'{{"label": ["{RUN_LABEL}={run}"]}}'
    found = engine.call("GET", "/containers/json", filters=filters)
    return {port["PublicPort"] for one in found for port in one.get("Ports") or [] if "PublicPort" in port}


def _listeners() -> set[tuple[int, str]]:
    """Port and inode of each socket that listens on this machine (proc(5), net/tcp; state 0A)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {(int(row[1].rpartition(":")[2], 16), row[9]) for row in rows if row[3] == "0A"}
