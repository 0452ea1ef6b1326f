"""One system that stands until it is told to end: stood up, shown, broken on demand, taken down."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final, Self

from windtunnel.faults import SHAPES
from windtunnel.load.driver import LoadDriver
from windtunnel.spec.surroundings import survey
from windtunnel.stack.backends import Choice, backend_for
from windtunnel.stack.base import Stack
from windtunnel.standby.control import ControlServer
from windtunnel.standby.desk import Desk
from windtunnel.standby.in_place import FaultsInPlace
from windtunnel.standby.load import RunningLoad, SteadyLoad, read_load
from windtunnel.standby.rates import EdgeRates
from windtunnel.standby.screen import Screen, View
from windtunnel.standby.worker import Worker
from windtunnel.topology.model import Topology
from windtunnel.undo import Run

EVERY: Final = 1.0
"""Seconds between two drawings."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was typed after `windtunnel up`."""

    topology: Topology
    choice: Choice
    seed: int = 0
    mix: str = ""
    """Empty: no load."""
    rate: str = ""


class Session:
    """A context manager: the system stands within it, and nothing of it is left after it.

    `clean` afterwards: every fault could be taken back, and be shown to be gone where the system outlives us.
    """

    def __init__(self, wanted: Wanted, screen: Screen) -> None:
        """Raises `BadInputError` before anything is started."""
        around = survey(wanted.topology, SHAPES)
        self._load: SteadyLoad | None = None
        if wanted.mix:
            self._load = read_load(wanted.mix, wanted.rate, around.scenarios)
        self._wanted, self._screen, self._around = wanted, screen, around
        self._open = ExitStack()
        self.clean = True

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self._stand_up(opening)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def stack(self) -> Stack:
        """The running system."""
        return self._stack

    def show(self, ended: Callable[[float], bool]) -> None:
        """Draw once a second until `ended`, which waits up to so many seconds, says so."""
        rates, due = EdgeRates(self._stack), time.monotonic()
        while not ended(due - time.monotonic()):
            now = time.monotonic()
            load = self._running.line() if self._running else ""
            self._screen.draw(View(now=now, rates=rates.look(), faults=self._faults.current, load=load))
            due = max(due + EVERY, now)

    def _stand_up(self, opening: ExitStack) -> None:
        """Whatever is taken down is taken down in reverse order."""
        wanted = self._wanted
        run = opening.enter_context(Run.begin())
        driver = opening.enter_context(LoadDriver.start_process(run)) if self._load else None
        backend = backend_for(wanted.choice.backend, wanted.choice.proxy, run)
        self._stack = backend.start(wanted.topology, run=run, seed=wanted.seed)
        opening.callback(self._stack.stop)
        self._running: RunningLoad | None = None
        if driver and self._load:
            load = RunningLoad(driver, self._load.plan(self._stack, wanted.seed))
            self._running = opening.enter_context(load)
        self._faults = FaultsInPlace(self._stack, run.journal)
        worker = Worker(self._faults, self._tell)
        worker.start()
        opening.callback(self._lift_all)
        opening.callback(worker.close)
        redact = self._stack.redact
        desk = Desk(wanted.topology.name, self._around, self._faults, worker, self._tell, redact=redact)
        opening.enter_context(ControlServer(run.directory, desk.answer))

    def _tell(self, text: str) -> None:
        """Whether anybody hears it or not: what is being done must be done to its end."""
        with suppress(OSError):
            self._screen.tell(self._stack.redact(text))

    def _lift_all(self) -> None:
        """The latest first. A system that is taken down next proves nothing; one that runs elsewhere must be whole."""
        entries = self._faults.current[::-1]
        if self._stack.backend == "external":
            self.clean = self._faults.lift(entries, self._tell)
        else:
            self.clean = len(self._faults.undo(entries, self._tell)) == len(entries)
