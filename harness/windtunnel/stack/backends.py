"""Which backend and which Toxiproxy a run uses, and why: what was asked for, and what this machine has."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from windtunnel.errors import BackendError
from windtunnel.stack.base import Backend
from windtunnel.stack.binary import NAME, VARIABLE, find_binary, toxiproxy_binary
from windtunnel.stack.images import missing_images
from windtunnel.topology.model import BackendName, Topology
from windtunnel.undo import Run
from windtunnel.undo.engine import Engine, EngineError, engine_url

ProxyName = Literal["embedded", "toxiproxy", "external"]
"""`external`: the system's own, whatever it is."""
PROBE = 3.0
"""Seconds that an engine has to answer."""
INSTALL = "start it (systemctl start docker), or set DOCKER_HOST; --wt-backend=process needs none"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a run uses, each with the reason where nobody asked for it by name."""

    backend: BackendName
    backend_reason: str = ""
    proxy: ProxyName
    proxy_reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What this machine has, asked when it is needed."""

    engine: Callable[[], Engine] = lambda: Engine(engine_url(), PROBE)
    binary: Callable[[], Path | None] = find_binary
    environ: Mapping[str, str]


def choose(backend: str, proxy: str, topology: Topology | None, machine: Machine | None = None) -> Choice:
    """Decide. `topology` is None when its file has a mistake, which is told later, and elsewhere.

    Raises `BackendError` when what was asked for by name is not here.
    """
    machine = machine or Machine(environ=os.environ)
    if backend == "external" or (backend == "auto" and topology is not None and _runs_elsewhere(topology)):
        return _external(backend, proxy, topology)
    if backend == "auto":
        chosen, reason = _auto(topology, machine)
    else:
        chosen, reason = ("docker" if backend == "docker" else "process"), ""
    if backend == "docker":
        _require_docker(topology, machine)
    if chosen == "docker":
        asked: ProxyName = "embedded" if proxy == "embedded" else "toxiproxy"
        return Choice(backend="docker", backend_reason=reason, proxy=asked)
    return Choice(backend="process", backend_reason=reason, proxy=_process_proxy(proxy, machine))


def backend_for(backend: BackendName, proxy: ProxyName, run: Run) -> Backend:
    """The backend that was chosen."""
    if backend == "external":
        from windtunnel.stack.external import ExternalBackend

        return ExternalBackend()
    if backend == "docker":
        from windtunnel.stack.docker import DockerBackend

        return DockerBackend(proxy=proxy)
    from windtunnel.stack.process import ProcessBackend

    if proxy == "embedded":
        return ProcessBackend()
    binary = find_binary()
    if binary is None:
        raise BackendError(_no_binary())
    return ProcessBackend(toxiproxy_binary(binary, run))


def _runs_elsewhere(topology: Topology) -> bool:
    """Whether there is nothing that could be started."""
    services = topology.services.values()
    return all(service.place and not service.command and service.container is None for service in services)


def _external(backend: str, proxy: str, topology: Topology | None) -> Choice:
    if proxy != "auto":
        raise BackendError(f"--wt-proxy={proxy}: a system that runs elsewhere has its own Toxiproxy; leave it out")
    if topology is not None and not any(service.place for service in topology.services.values()):
        raise BackendError(
            f"--wt-backend=external: {topology.path} says of no service where it runs; "
            f"add external: {{url: http://HOST:PORT}}"
        )
    reason = "auto: the topology gives addresses only" if backend == "auto" else ""
    return Choice(backend="external", backend_reason=reason, proxy="external")


def _auto(topology: Topology | None, machine: Machine) -> tuple[Literal["docker", "process"], str]:
    nothing_needed = "auto: it needs nothing installed"
    if topology is None:
        return "process", nothing_needed
    without = [service.name for service in topology.services.values() if service.container is None]
    processes = all(service.command for service in topology.services.values())
    if without and processes:
        return "process", nothing_needed
    try:
        engine = machine.engine()
        version = engine.version()
        missing = missing_images(topology, engine, machine.environ)
    except EngineError:
        return "process", "auto: no container engine answers"
    except ImportError as error:
        return "process", f"auto: the docker backend needs {error.name}; pip install 'windtunnel[docker]'"
    if missing:
        return "process", f"auto: the engine lacks {', '.join(missing)}; `windtunnel images` gets what it can"
    return "docker", f"auto: engine {version} answers, and the images are there"


def _require_docker(topology: Topology | None, machine: Machine) -> None:
    engine = machine.engine()
    try:
        engine.version()
    except EngineError as error:
        raise BackendError(f"--wt-backend=docker: {error}; {INSTALL}") from error
    if topology is not None and not any(service.container for service in topology.services.values()):
        raise BackendError(
            f"--wt-backend=docker: {topology.path} says of no service how it runs as a container; "
            f"add docker: {{image: NAME}} or docker: {{build: {{context: FOLDER}}}}"
        )


def _process_proxy(proxy: str, machine: Machine) -> ProxyName:
    if proxy != "toxiproxy":
        return "embedded"
    if machine.binary() is None:
        raise BackendError(f"--wt-proxy=toxiproxy: {_no_binary()}")
    return "toxiproxy"


def _no_binary() -> str:
    return f"no Toxiproxy server was found; put {NAME} on PATH, or name it in {VARIABLE}"
