"""What this machine has of all that a run can use, and what each missing thing costs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from windtunnel.errors import StackError
from windtunnel.stack.binary import NAME, VARIABLE, find_binary
from windtunnel.stack.images import missing_images, python_image, toxiproxy_image
from windtunnel.stack.ports import reserve_port
from windtunnel.topology.model import Topology
from windtunnel.undo.engine import Engine, EngineError, engine_url

PROBE = 3.0
"""Seconds that the engine has."""
LITTLE = 2 * 1024**3
"""Bytes of memory below which a system of seven services and its load get in each other's way."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing: whether it is there, and what was seen or what its absence costs."""

    name: str
    ok: bool
    told: str
    needed: bool = False
    """Without it nothing runs at all."""


def examine(topology: Topology | None = None, environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """All findings, what is needed first. Changes nothing on the machine."""
    engine = Engine(engine_url(environ), PROBE)
    return [
        _linux(),
        _ports(),
        _memory(),
        *_engine(engine, topology, environ),
        _binary(environ),
        _program("node", "Allure 3 cannot make a report from allure-results"),
        _program("java", "Allure 2 cannot make a report from allure-results"),
    ]


def _linux() -> Finding:
    ok = sys.platform == "linux" and Path("/proc/self/environ").exists()
    told = sys.platform if ok else f"{sys.platform}: processes are found through /proc; run on Linux"
    return Finding(name="Linux with /proc", ok=ok, told=told, needed=True)


def _ports() -> Finding:
    try:
        port = reserve_port()
    except StackError as error:
        return Finding(name="free ports", ok=False, told=str(error), needed=True)
    port.release()
    return Finding(name="free ports", ok=True, told=f"{port.port} for instance", needed=True)


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    told = f"{free / 1024**3:.1f} GiB free, {psutil.cpu_count()} processors"
    cost = "; latencies will tell of swapping, not of your services"
    return Finding(name="memory", ok=free >= LITTLE, told=told + (cost if free < LITTLE else ""))


def _engine(engine: Engine, topology: Topology | None, environ: Mapping[str, str]) -> list[Finding]:
    name, cost = "container engine", "no docker backend: services run as processes"
    try:
        found = [Finding(name=name, ok=True, told=f"{engine.version()} at {engine.url}")]
    except EngineError as error:
        return [Finding(name=name, ok=False, told=f"{cost} ({error})")]
    if find_spec("testcontainers") is None:
        return [*found, Finding(name="testcontainers", ok=False, told=f"{cost}; pip install 'windtunnel[docker]'")]
    found.append(Finding(name="testcontainers", ok=True, told="installed"))
    for what, image in (("Python image", python_image(environ)), ("Toxiproxy image", toxiproxy_image(environ))):
        found.append(_image(what, engine.has_image(image), image))
    if topology is not None:
        missing = missing_images(topology, engine, environ)
        told = f"missing: {', '.join(missing)}; `windtunnel images` gets them" if missing else "all are there"
        found.append(Finding(name=f"images of {topology.name}", ok=not missing, told=told))
    return found


def _image(what: str, there: bool, name: str) -> Finding:
    return Finding(name=what, ok=there, told=name if there else f"{name} is not here: it will have to be fetched")


def _binary(environ: Mapping[str, str]) -> Finding:
    found = find_binary(environ)
    cost = f"--wt-proxy=toxiproxy on processes needs {NAME} on PATH, or {VARIABLE}; the embedded proxy needs nothing"
    return Finding(name="Toxiproxy program", ok=found is not None, told=str(found) if found else cost)


def _program(name: str, cost: str, which: Callable[[str], str | None] = shutil.which) -> Finding:
    found = which(name)
    return Finding(name=name, ok=found is not None, told=found or f"{cost}; the suite itself does not need it")
