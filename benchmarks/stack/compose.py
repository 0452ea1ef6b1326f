"""The peer: `docker compose up --wait` and `down`, whichever compose this machine has."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.stack.compose_file import EDGES, TOXIPROXY, compose_file, edges_file
from benchmarks.stack.sample import BenchError, Sample, left_in_engine

from windtunnel.stack.base import Address
from windtunnel.stack.ports import LOOPBACK, reserve_port
from windtunnel.stack.readiness import ask
from windtunnel.topology import Topology

VARIABLE = "WINDTUNNEL_COMPOSE"
"""A command instead of those that are looked for."""
KNOWN = (("docker", "compose"), ("docker-compose",))
PATIENCE = 300
"""Seconds until a system must stand, or be gone."""


@dataclass(frozen=True)
class Compose:
    """One compose. Before version 2 it cannot wait: then the ports are asked alone."""

    command: tuple[str, ...]
    version: str
    grace: int | None = None
    """Seconds that `down` gives a container to end; None: compose's own, 10."""
    name: str = "compose"

    @property
    def waits(self) -> bool:
        """Whether it knows `up --wait`. A build of one's own may have a word for a version, and is new."""
        major = self.version.split(".", 1)[0]
        return not major.isdecimal() or int(major) >= 2

    @property
    def up(self) -> list[str]:
        return ["up", "-d", *(["--wait", f"--wait-timeout={PATIENCE}"] if self.waits else [])]

    @property
    def down(self) -> list[str]:
        return ["down", "--volumes", *([] if self.grace is None else [f"--timeout={self.grace}"])]

    def once(self, topology: Topology) -> Sample:
        """Stand it up, take it down. Raises `BenchError`."""
        project = f"windtunnel-bench-{secrets.token_hex(4)}"
        reserved = {name: reserve_port() for name in (*topology.instances, TOXIPROXY)}
        ports = {name: one.port for name, one in reserved.items()}
        try:
            with tempfile.TemporaryDirectory(prefix="windtunnel-bench-") as folder:
                file = _write(Path(folder), topology, ports)
                return self._once([*self.command, "-p", project, "-f", str(file)], topology, ports, project)
        finally:
            for one in reserved.values():
                one.release()

    def _once(self, command: Sequence[str], topology: Topology, ports: Mapping[str, int], project: str) -> Sample:
        began = time.perf_counter()
        try:
            _run([*command, *self.up])
            await_answers(topology, ports)
            ready = time.perf_counter()
        finally:
            asked = time.perf_counter()
            _run([*command, *self.down])
            gone = time.perf_counter()
        if left := left_in_engine(f"com.docker.compose.project={project}"):
            raise BenchError(f"compose: of {topology.name} there is still {', '.join(left)}")
        return Sample(start=ready - began, stop=gone - asked)


def find_compose(environ: Mapping[str, str] = os.environ, *, grace: int | None = None) -> Compose | None:
    """The newest that answers; None without one. Raises `BenchError` when the one that was named does not."""
    named = tuple(shlex.split(environ.get(VARIABLE, "")))
    for command in (named,) if named else KNOWN:
        try:
            said = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        return Compose(command, said.strip().removeprefix("v"), grace)
    if named:
        raise BenchError(f"{VARIABLE}={shlex.join(named)}: it does not tell its version; name a compose command")
    return None


def await_answers(topology: Topology, ports: Mapping[str, int]) -> None:
    """Until every service is ready through its published port, and Toxiproxy tells of every edge."""
    questions = {name: (ports[name], service.ready) for name, service in topology.instances.items()}
    deadline = time.monotonic() + PATIENCE
    for name, (port, path) in {**questions, TOXIPROXY: (ports[TOXIPROXY], "/proxies")}.items():
        while (answer := ask(Address(LOOPBACK, port), path))[0] != 200:
            if time.monotonic() > deadline:
                raise BenchError(f"compose: {name} of {topology.name} is not ready after {PATIENCE} s: {answer[1]}")
            time.sleep(0.02)


def _write(folder: Path, topology: Topology, ports: Mapping[str, int]) -> Path:
    (folder / EDGES).write_text(json.dumps(edges_file(topology)))
    file = folder / "compose.yaml"
    file.write_text(json.dumps(compose_file(topology, ports), indent=2))
    return file


def _run(command: Sequence[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=2 * PATIENCE)
    if ended.returncode:
        said = "".join(f"\n  | {line}" for line in (ended.stdout + ended.stderr).splitlines()[-15:])
        raise BenchError(f"{shlex.join(command)} ended with {ended.returncode}{said}")
