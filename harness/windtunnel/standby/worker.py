"""The one thread that acts on the system: what is asked for is done in order, what has lasted long enough is lifted."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from windtunnel.standby.in_place import FaultsInPlace, Say

Act = Callable[[], bool]
"""True when what was to be shown was shown."""


class Worker:
    """Works from `start` to `close`. Any thread may ask."""

    def __init__(self, faults: FaultsInPlace, tell: Say, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`tell` hears of the faults that are lifted because their time is over."""
        self._faults, self._tell, self._clock = faults, tell, clock
        self._asked: queue.Queue[tuple[Act, Future[bool]] | None] = queue.Queue()
        self._lock, self._closed = threading.Lock(), False
        self._thread = threading.Thread(target=self._work, name="windtunnel-faults", daemon=True)

    def start(self) -> None:
        """Once."""
        self._thread.start()

    def ask(self, act: Act) -> Future[bool]:
        """Have it done when all that was asked for before is done. Cancelled, where the worker closes first."""
        future: Future[bool] = Future()
        with self._lock:
            if self._closed:
                future.cancel()
            else:
                self._asked.put((act, future))
        return future

    def close(self) -> None:
        """What is being done is done to its end, the rest is cancelled; the faults stay. Can be called twice."""
        with self._lock:
            self._closed = True
            with suppress(queue.Empty):
                while True:
                    if waiting := self._asked.get_nowait():
                        waiting[1].cancel()
            self._asked.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while True:
            try:
                asked = self._asked.get(timeout=self._rest())
            except queue.Empty:
                self._faults.lift_due(self._tell)
                continue
            if asked is None:
                return
            self._faults.lift_due(self._tell)
            self._do(*asked)

    def _do(self, act: Act, future: Future[bool]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(act())
        except Exception as error:  # raised to who asked; this thread goes on for the others
            future.set_exception(error)

    def _rest(self) -> float | None:
        """Seconds until the next fault is due to be lifted."""
        end = self._faults.next_end
        return None if end is None else max(0.0, end - self._clock())
