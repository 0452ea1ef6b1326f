"""A worker's side: it does what the coordinator says, and tells what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, Final

import gevent
from gevent.event import Event
from locust.env import Environment

from windtunnel.errors import BadInputError
from windtunnel.load.distributed.messages import PONG, READY, REPORT
from windtunnel.load.generator import Generator
from windtunnel.load.messages import Row, plan_from_plain
from windtunnel.load.precedence import keep_what_is_loaded
from windtunnel.load.scenarios import digest
from windtunnel.load.tally import Tally

REPORT_EVERY: Final = 0.5
"""Seconds."""
HOUSEKEEPING: Final = 2
"""Reports between two searches for stale connections."""

Send = Callable[[str, dict[str, Any]], None]


class Worker:
    """Takes part in one run after another. `scenarios` is this machine's own copy of the file."""

    def __init__(self, environment: Environment, scenarios: Path, send: Send) -> None:
        self._environment, self._scenarios, self._send = environment, scenarios, send
        self._run = ""
        self._generator: Generator | None = None
        self._going, self._over = Event(), Event()
        self._keep_samples = False
        self._number = 0

    def prepare(self, run: str, plan: Mapping[str, Any], share: list[int], scenarios_sha256: str) -> None:
        """Load the scenarios, do their set-up, be ready to go."""
        self._run, self._number, self._generator = run, 0, None
        self._going.clear()
        self._over.clear()
        error = None
        try:
            if digest(self._scenarios) != scenarios_sha256:
                raise BadInputError("not the master's scenarios; copy its file here", path=self._scenarios)
            own = replace(plan_from_plain(plan), scenarios=self._scenarios)
            self._generator = Generator(own, self._environment, share=(share[0], share[1]))
        except Exception as problem:
            error = str(problem) if isinstance(problem, BadInputError) else f"{type(problem).__name__}: {problem}"
        keep_what_is_loaded()
        self._send(READY, {"run": run, "error": error})

    def ping(self, run: str, asked: float) -> None:
        """Show our clock, and that we live."""
        self._send(PONG, {"run": run, "asked": asked, "told": monotonic()})

    def go(self, run: str, start: float, keep_samples: bool) -> None:
        """Arrivals are due from `start` on, by our clock."""
        if run != self._run or self._generator is None:
            return
        self._keep_samples = keep_samples
        self._generator.begin(start)
        self._going.set()
        gevent.spawn(self._keep_reporting, run)

    def dispatch(self) -> None:
        """Start what is due, until the plan is over. The one user's greenlet lives here; a second one would idle."""
        self._going.wait()
        self._going.clear()
        if self._generator is not None:
            self._generator.dispatch()

    def stop(self, run: str, drain: float) -> None:
        """Start no more, let what is in flight end within `drain` seconds, then tell the last figures."""
        if run != self._run or self._over.is_set():
            return
        self._over.set()
        if self._generator is not None:
            self._generator.stop(drain)
            self._report(self._generator, final=True)

    def _keep_reporting(self, run: str) -> None:
        while not self._over.wait(REPORT_EVERY):
            if run != self._run or self._generator is None:
                return
            self._report(self._generator, final=False)
            if self._number % HOUSEKEEPING == 0:
                self._generator.close_stale_connections()

    def _report(self, generator: Generator, *, final: bool) -> None:
        self._number += 1
        rows, tally = generator.take_rows(), Tally()
        for row in rows:
            tally.add(row)
        kept: list[Row] = rows if self._keep_samples else []
        figures = {"offered": generator.offered, "sent": generator.sent, "exhausted": generator.exhausted}
        counted = {"late": generator.lateness.histogram.to_plain(), "tally": tally.to_plain(), "rows": kept}
        self._send(REPORT, {"run": self._run, "number": self._number, "final": final, **figures, **counted})
