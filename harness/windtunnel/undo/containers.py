"""Taking down what a run has in a container engine, by the label that all of it carries.

Standard library only: the reaper imports this.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from windtunnel.undo.engine import Engine, EngineError

PATIENCE = 60.0
"""Seconds."""
EMPTY_LOOKS = 3
"""Times in a row that nothing must be found: the engine may still be making what it was asked for last."""
BETWEEN = 0.5
AT_ONCE = 8


def remove_all(engine: Engine, run_id: str, *, patience: float | None = None, looks: int = EMPTY_LOOKS) -> None:
    """End and remove the run's containers, then its networks and volumes. Raises `EngineError` when something stays."""
    patience = PATIENCE if patience is None else patience
    deadline, empty, trouble = time.monotonic() + patience, 0, ""
    while True:
        try:
            found = _sweep(engine, run_id)
        except EngineError as error:
            found, trouble = True, str(error)
        empty = 0 if found else empty + 1
        if empty >= looks:
            return
        if time.monotonic() > deadline:
            raise EngineError(f"run {run_id}: not everything could be removed within {patience:g} s; {trouble}")
        if looks > 1 or found:
            time.sleep(BETWEEN if not found or trouble else 0.02)


def _sweep(engine: Engine, run_id: str) -> bool:
    """One round; True when there was anything."""
    containers = engine.containers(run_id)
    _each(lambda container: _remove_container(engine, container), containers)
    networks, volumes = engine.networks(run_id), engine.volumes(run_id)
    _each(engine.remove_network, networks)
    _each(engine.remove_volume, volumes)
    return bool(containers or networks or volumes)


def _remove_container(engine: Engine, container: str) -> None:
    engine.unpause(container)  # a frozen process cannot die
    engine.remove_container(container)


def _each(act: Callable[[str], None], names: list[str]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(act, names))
