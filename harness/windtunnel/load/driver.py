"""The harness's hold on the load generator: started with the stack, used for one run of load after another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from windtunnel.errors import LoadError
from windtunnel.load.messages import plan_to_plain
from windtunnel.load.model import LoadPlan
from windtunnel.load.process import EngineProcess
from windtunnel.load.run import LoadRun, OnSamples, Progress

if TYPE_CHECKING:
    from windtunnel.undo import Run

__all__ = ["LoadDriver", "LoadRun", "Progress"]

START_PATIENCE = 30.0
"""Seconds that the first run may wait for a generator that is still starting up."""


class LoadDriver:
    """Owns one generator process, which starts with it. A context manager. Not for several threads at once.

    A generator that dies ends its run with `LoadError`; if none was going on, the next call raises it. The call after
    that has a fresh process.
    """

    def __init__(self, log_path: Path, env: Mapping[str, str] | None = None) -> None:
        """`log_path` receives what the generator and the scenarios print; `env` is added to the environment."""
        self._log_path, self._env = log_path, dict(env or {})
        self._run: LoadRun | None = None
        self._count, self._closed = 0, False
        self._engine = self._spawn()

    @classmethod
    def start_process(cls, run: Run) -> LoadDriver:
        """A driver whose process belongs to that run of the harness, and is ended with it whatever happens."""
        return cls(run.folder("load") / "engine.log", run.env)

    @property
    def pid(self) -> int:
        """Of the generator's process now."""
        return self._engine.pid

    def start(self, plan: LoadPlan, on_samples: OnSamples) -> LoadRun:
        """Begin a run; arrivals are due from now on, until it is stopped.

        `on_samples` is called about every 50 ms, on a thread of the driver, with the samples that came in. Raises
        `BadInputError` for a scenario file or a target that cannot be used; `LoadError` when the generator has died,
        or the last run is still going on.
        """
        if self._closed:
            raise LoadError("the load driver is closed")
        if self._run is not None and not self._run.over:
            raise LoadError("the last run of load was not stopped; one driver makes one run at a time")
        self._revive()
        self._count += 1
        run = self._run = LoadRun(self._count, self._engine, on_samples)
        run.order(do="run", plan=plan_to_plain(plan))
        run.await_begin(START_PATIENCE)
        return run

    def close(self) -> None:
        """End the process. Can be called twice."""
        self._closed = True
        self._engine.close()

    def _spawn(self) -> EngineProcess:
        return EngineProcess(self._log_path, self._env, hear=self._hear, gone=self._mourn)

    def _revive(self) -> None:
        """Replace a dead process. Its death is raised here unless it has ended a run, which then told it."""
        told = self._run is not None and self._run.died
        if told:
            self._engine.kill()  # it may be dying still
        if not self._engine.ended:
            return
        last_words = self._engine.last_words()
        self._engine.close()
        self._engine = self._spawn()
        if not told:
            raise LoadError(last_words)

    def _hear(self, message: dict[str, Any]) -> None:
        if self._run is not None:
            self._run.hear(message)

    def _mourn(self) -> None:
        if self._run is not None and not self._run.over:
            self._run.fail(LoadError("the load driver was closed" if self._closed else self._engine.last_words()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
