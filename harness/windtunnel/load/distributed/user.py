"""What a locustfile subclasses, and how a run of Locust becomes a run of our load.

-u and -r mean nothing here: the plan has the rate. Each worker has one user, which starts its share of the arrivals.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, ClassVar

from gevent.event import Event
from locust import LoadTestShape, User, events, task

from windtunnel.load.distributed.options import add_arguments
from windtunnel.load.distributed.result import Judge
from windtunnel.load.distributed.session import LocustSession

logger = logging.getLogger("windtunnel")


class OpenModelUser(User):
    """Says what load is about: subclass it in a locustfile, with the three paths and names that follow."""

    abstract = True
    scenarios: ClassVar[Path]
    """The Python file of scenarios; every machine has its own copy."""
    topology: ClassVar[Path]
    """The topology file: which services the client calls."""
    mix: ClassVar[str]
    """What arrivals do, unless --wt-mix says otherwise: `place_order=3,read_order=1`."""
    load: ClassVar[str] = "10/s"
    """When they are due, unless --wt-load says otherwise; see `windtunnel.load.stages`."""
    slos: ClassVar[Path | None] = None
    """The SLO file whose objectives --wt-slo names."""
    judge: ClassVar[Judge | None] = None
    """Says which promises were broken, from the merged result; --wt-slo takes its place."""

    @task
    def dispatch(self) -> None:
        """The one greenlet of this worker that starts arrivals; kept until Locust ends it."""
        if (worker := _sessions[self.environment].worker) is not None:
            worker.dispatch()
        Event().wait()


class PlannedRate(LoadTestShape):
    """One user for each worker, until the plan is over, something went wrong, or -t is reached."""

    use_common_options = True  # for -t

    def tick(self) -> tuple[int, float] | None:
        """As Locust asks for it, about once a second."""
        session = _sessions[self.runner.environment]  # type: ignore[union-attr]
        return None if session.over else (session.users, float(session.users))


_sessions: dict[Any, LocustSession] = {}


def _open(environment: Any, runner: Any, **_: object) -> None:
    """Locust is set up: take part in its run if its locustfile has a user of ours."""
    ours = [user for user in environment.user_classes if issubclass(user, OpenModelUser)]
    if not ours:
        return
    if (
        len(ours) < len(environment.user_classes)
        or len(ours) > 1
        or not isinstance(environment.shape_class, PlannedRate)
    ):
        logger.error("a locustfile with an OpenModelUser has that one user class, and imports PlannedRate as its shape")
        runner.quit()
        raise SystemExit(2)
    _sessions[environment] = LocustSession(environment, runner, ours[0])


events.init_command_line_parser.add_listener(add_arguments)  # type: ignore[no-untyped-call]
events.init.add_listener(_open)  # type: ignore[no-untyped-call]
