"""Evaluates a system's invariants: what must be true whatever broke, asked of the services themselves, at rest.

The functions belong to the system (`invariants:` in its topology file): `name(system, since) -> list of violations`,
where `since` is the Unix time at which the experiment began.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

import httpx

from windtunnel.errors import BadInputError
from windtunnel.history import InvariantEvent
from windtunnel.stack.base import Stack
from windtunnel.topology.model import Topology

Invariant = Callable[["System", float], list[str]]


class System:
    """The services' own HTTP answers, past every proxy. A context manager, since it keeps connections."""

    def __init__(self, stack: Stack, timeout: float = 10.0) -> None:
        self._stack = stack
        self._http = httpx.Client(timeout=timeout, trust_env=False)

    def get(self, service: str, path: str, params: Mapping[str, str | int | float] | None = None) -> Any:
        """The parsed JSON answer. Raises `httpx.HTTPError` when the service does not answer with 2xx."""
        answer = self._http.get(f"http://{self._stack.address(service)}{path}", params=params)
        return answer.raise_for_status().json()

    def __enter__(self) -> System:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()


def load_file(path: Path) -> ModuleType:
    """Import a Python file by its path, once. Raises `BadInputError` naming file and line."""
    name = f"windtunnel_loaded_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInputError("not a Python file", path=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        frames = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else frames[-1] if frames else None
        raise BadInputError(f"cannot be imported: {type(error).__name__}: {error}", path=path, line=line) from error
    return module


def check_invariants(names: tuple[str, ...], topology: Topology) -> ModuleType | None:
    """The topology's file of invariants, which must be there when any is named. Raises `BadInputError`."""
    if not names:
        return None
    if topology.invariants is None:
        raise BadInputError("the topology names no invariants file", path=topology.path)
    return load_file(topology.invariants)


def evaluate(
    names: tuple[str, ...], stack: Stack, since: float, clock: Callable[[], float] = time.monotonic
) -> list[InvariantEvent]:
    """One event per name, in order. An invariant that raises is unknown, with the reason; it never counts as held."""
    module = check_invariants(names, stack.topology)
    with System(stack) as system:
        return [_evaluate_one(name, getattr(module, name, None), system, since, clock) for name in names]


def _evaluate_one(
    name: str, invariant: Invariant | None, system: System, since: float, clock: Callable[[], float]
) -> InvariantEvent:
    if invariant is None:
        return InvariantEvent(t=clock(), invariant=name, error="there is no such function in the invariants file")
    try:
        violations = tuple(str(v) for v in invariant(system, since))
    except Exception as error:  # what went wrong in somebody's invariant is evidence, not a crash of the run
        return InvariantEvent(t=clock(), invariant=name, error=f"{type(error).__name__}: {error}")
    return InvariantEvent(t=clock(), invariant=name, violations=violations)
