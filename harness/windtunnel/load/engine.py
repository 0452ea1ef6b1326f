"""The load generator's process: `python -m windtunnel.load.engine FD`, where FD is its end of a socket pair.

It takes plans and answers with samples (see `messages.py`), one run after another, until the other end is gone.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Iterator
from time import monotonic
from typing import Any, Final

import gevent
import locust  # noqa: F401 - before all that uses sockets: it patches the standard library
from gevent import monkey, socket
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from locust.env import Environment

from windtunnel.errors import BadInputError
from windtunnel.load.generator import Generator
from windtunnel.load.messages import encode, plan_from_plain
from windtunnel.load.precedence import keep_what_is_loaded, take_precedence

TICK: Final = 0.05
"""Seconds between two deliveries of samples."""
HOUSEKEEPING: Final = 20
"""Ticks between two searches for stale connections."""
LIFE_SIGN: Final = 500
"""Milliseconds between two looks whether the parent still lives, besides the hang-up of its socket."""


class Link:
    """The engine's end of the conversation."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._turn = BoundedSemaphore()  # a long batch is written in several steps; lines must not mix

    def say(self, **message: object) -> None:
        with self._turn:
            self._socket.sendall(encode(message))

    def orders(self) -> Iterator[dict[str, Any]]:
        """Until the harness closes its end."""
        with self._socket.makefile("rb") as lines:
            for line in lines:
                yield json.loads(line)


class Engine:
    """Does what it is told, one run at a time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._generator: Generator | None = None

    def serve(self) -> None:
        """Returns when the harness has gone."""
        for order in self._link.orders():
            if order["do"] == "run":
                self._begin(order["run"], order["plan"])
            elif self._generator is not None:
                self._end(order["run"], self._generator, order["drain"])

    def _begin(self, run: int, plain: dict[str, Any]) -> None:
        environment = Environment()
        # The runner is what feeds Locust's statistics from its request events.
        self._runner = environment.create_local_runner()
        try:
            self._generator = Generator(plan_from_plain(plain), environment)
        except BadInputError as error:
            self._runner.quit()
            path = str(error.path) if error.path else None
            self._link.say(say="refused", run=run, what=error.message, path=path, line=error.line)
            return
        start = monotonic()
        self._generator.begin(start)
        self._dispatching = gevent.spawn(self._generator.dispatch)
        self._link.say(say="began", run=run, t=start)
        self._over = Event()
        self._ticking = gevent.spawn(self._keep_ticking, run, self._generator)

    def _end(self, run: int, generator: Generator, drain: float) -> None:
        self._dispatching.kill()
        report = generator.stop(drain)
        # Told, not killed: it may be in the middle of a line.
        self._over.set()
        self._ticking.join()
        self._tick(run, generator)
        self._link.say(say="ended", run=run, report=report)
        self._runner.quit()
        self._generator = None
        gc.collect()

    def _keep_ticking(self, run: int, generator: Generator) -> None:
        ticks = 0
        while not self._over.wait(TICK):
            self._tick(run, generator)
            ticks += 1
            if ticks % HOUSEKEEPING == 0:
                generator.close_stale_connections()

    def _tick(self, run: int, generator: Generator) -> None:
        self._link.say(
            say="tick",
            run=run,
            t=monotonic(),
            offered=generator.offered,
            sent=generator.sent,
            exhausted=generator.exhausted,
            samples=generator.take_rows(),
        )


def die_with_parent(descriptor: int, parent: int) -> None:
    """End this process once its parent is gone, also while a scenario never gives way: watched by a native thread."""
    poll = monkey.get_original("select", "poll")()
    poll.register(descriptor, 0)  # a hang-up is reported without being asked for

    def watch() -> None:
        while os.getppid() == parent and not poll.poll(LIFE_SIGN):
            pass
        os._exit(0)

    monkey.get_original("_thread", "start_new_thread")(watch, ())


def main() -> None:
    descriptor = int(sys.argv[1])
    die_with_parent(os.dup(descriptor), os.getppid())
    take_precedence()
    keep_what_is_loaded()
    Engine(Link(descriptor)).serve()
    os._exit(0)


if __name__ == "__main__":
    main()
