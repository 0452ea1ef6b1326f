"""Ties one Locust process to our load: its messages to coordinator and worker, its start and stop to theirs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import gevent
from gevent.event import Event
from locust.runners import MasterRunner, WorkerRunner

from windtunnel.errors import BadInputError
from windtunnel.load.distributed import messages
from windtunnel.load.distributed.closing import summary
from windtunnel.load.distributed.coordinator import ASK_EVERY, Coordinator
from windtunnel.load.distributed.objectives import read_objectives
from windtunnel.load.distributed.options import Subject, plan_of
from windtunnel.load.distributed.result import Judge, Verdict, verdict_on
from windtunnel.load.distributed.worker import Worker
from windtunnel.load.messages import Row
from windtunnel.load.model import LoadPlan
from windtunnel.load.precedence import take_precedence
from windtunnel.load.run import FIELDS
from windtunnel.topology.functions import function_names

logger = logging.getLogger("windtunnel")
LOCAL: Final = "local"
BAD_INPUT, UNKNOWN = 2, 3
"""Exit codes, as the windtunnel command's."""


class Judged(Subject, Protocol):
    """A user class of a locustfile: what the load is, and who judges it."""

    slos: Path | None
    judge: Judge | None


class LocustSession:
    """One process of Locust: a master, a worker, or both in one."""

    def __init__(self, environment: Any, runner: Any, subject: Judged) -> None:
        self._environment, self._runner, self._subject = environment, runner, subject
        take_precedence()
        self.worker: Worker | None = None
        self._coordinator: Coordinator | None = None
        self._failed = False
        self._finishing = False
        self._finished = Event()
        self._finished.set()
        self._samples_path = ""
        self._judged_by: Judge | None = None
        if not isinstance(runner, MasterRunner):
            self.worker = Worker(environment, subject.scenarios, runner.send_message)
            self._listen(self.worker, messages.DOWN)
        if not isinstance(runner, WorkerRunner):
            for message in messages.UP:
                runner.register_message(message, self._hear)
            environment.events.test_start.add_listener(self._start)
            environment.events.test_stopping.add_listener(self._finish)
            environment.events.quitting.add_listener(self._finish)
            options = environment.parsed_options
            if options.num_users or options.spawn_rate:
                logger.warning("-u and -r mean nothing here: the plan has the rate (--wt-load)")
            self._refuse_early()

    @property
    def users(self) -> int:
        """One for each worker."""
        return int(self._runner.worker_count) or 1

    @property
    def over(self) -> bool:
        """Whether Locust is to stop the test."""
        limit = self._environment.parsed_options.run_time
        at_limit = self._coordinator is not None and limit and self._coordinator.elapsed >= limit
        return self._failed or bool(at_limit) or (self._coordinator is not None and self._coordinator.over)

    def _refuse_early(self) -> None:
        """Headless, nothing can be put right later on: say it before any worker is waited for."""
        if self._environment.parsed_options.headless:
            try:
                self._plan()
                self._judge()
            except BadInputError as error:
                logger.error(str(error))
                self._runner.quit()
                raise SystemExit(BAD_INPUT) from error

    def _plan(self) -> LoadPlan:
        return plan_of(self._environment.parsed_options, self._subject, self._environment.host)

    def _judge(self) -> Judge | None:
        names = self._environment.parsed_options.wt_slo
        if not names:
            return self._subject.judge
        return read_objectives(names, self._subject.slos, function_names(self._subject.scenarios, BadInputError))

    def _listen(self, worker: Worker, names: tuple[str, ...]) -> None:
        actions: dict[str, Callable[..., None]] = {
            messages.PREPARE: worker.prepare,
            messages.PING: worker.ping,
            messages.GO: worker.go,
            messages.STOP: worker.stop,
        }
        for name in names:
            # What takes long has a greenlet of its own, or no ping would be answered meanwhile.
            slow = name in (messages.PREPARE, messages.STOP)
            self._runner.register_message(name, _unpacked(actions[name]), concurrent=slow)

    def _hear(self, environment: Any, msg: Any, **_: object) -> None:
        if (coordinator := self._coordinator) is not None:
            hear = {
                messages.READY: coordinator.hear_ready,
                messages.PONG: coordinator.hear_pong,
                messages.REPORT: coordinator.hear_report,
            }
            hear[msg.type](msg.node_id, msg.data)

    def _present(self) -> list[str]:
        """The workers that are connected."""
        if not isinstance(self._runner, MasterRunner):
            return [LOCAL]
        clients = self._runner.clients
        return [client.id for client in clients.ready + clients.spawning + clients.running]

    def _start(self, **_: object) -> None:
        """A test begins: all that Locust does then waits until the load is under way."""
        self._coordinator, self._failed, self._finishing = None, False, False
        try:
            plan, self._judged_by = self._plan(), self._judge()
            self._samples_path = self._environment.parsed_options.wt_samples
            if self._samples_path:
                Path(self._samples_path).write_text("", encoding="utf-8")  # what cannot be written is said now
            on_rows = self._keep if self._samples_path else None
            self._coordinator = Coordinator(plan, self._present(), self._send, sleep=gevent.sleep, on_rows=on_rows)
            # Two may be told at once: its watch begins before it does.
            gevent.spawn(self._keep_watch, self._coordinator)
            self._coordinator.begin()
        except (BadInputError, OSError) as error:
            logger.error(str(error))
            self._failed, self._environment.process_exit_code = True, BAD_INPUT

    def _send(self, what: str, content: dict[str, Any], worker: str) -> None:
        self._runner.send_message(what, content, worker)

    def _keep_watch(self, coordinator: Coordinator) -> None:
        while coordinator is self._coordinator and not coordinator.concluded:
            coordinator.watch(self._present())
            gevent.sleep(ASK_EVERY)

    def _keep(self, rows: list[Row]) -> None:
        with Path(self._samples_path).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(dict(zip(FIELDS, row, strict=True))) + "\n" for row in rows)

    def _finish(self, **_: object) -> None:
        """The test ends, however it does: the verdict is Locust's exit code."""
        coordinator, self._failed = self._coordinator, False
        if coordinator is None:
            return
        if self._finishing:
            # A second stop, while the first drains: whoever goes on from here ends the greenlet that does.
            self._finished.wait()
            return
        self._finishing = True
        self._finished.clear()
        self._environment.process_exit_code = UNKNOWN  # until there is a verdict
        try:
            self._conclude(coordinator)
        finally:
            self._finished.set()

    def _conclude(self, coordinator: Coordinator) -> None:
        result = coordinator.end()
        verdict = verdict_on(result, self._judged_by)
        self._environment.process_exit_code = _exit_code(verdict, self._judged_by)
        if path := self._environment.parsed_options.wt_result:
            judged = {"verdict": verdict.kind, "reasons": list(verdict.reasons)}
            Path(path).write_text(json.dumps(result.plain() | judged, indent=1) + "\n", encoding="utf-8")
        for line in summary(result, verdict):
            logger.info(line)
        self._coordinator = None  # or the next test of a web form would find itself over


def _exit_code(verdict: Verdict, judge: Judge | None) -> int | None:
    """None, so that Locust's own rule counts, when nobody judged and nothing is in doubt."""
    return None if judge is None and verdict.kind == "passed" else verdict.exit_code


def _unpacked(action: Callable[..., None]) -> Callable[..., None]:
    def listener(environment: Any, msg: Any, **_: object) -> None:
        action(**msg.data)

    return listener
