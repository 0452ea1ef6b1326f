"""Acts that are on their way: a take-down waits for those that have begun, and lets no further one begin."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from windtunnel.errors import StackError

P = ParamSpec("P")
T = TypeVar("T")


class Underway:
    """Counts acts that go on in threads of their own, for Ctrl-C interrupts whoever asked for them, not them.

    A `ThreadPoolExecutor` alone is not enough: interrupted while it starts a thread, it forgets that thread, and is
    left without waiting for it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._begun, self._closed = 0, False

    def run(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do it now, in this thread, which must not be the main one. Raises `StackError` after `close`."""
        with self._changed:
            if self._closed:
                raise StackError("the system is being taken down; nothing more is made for it")
            self._begun += 1
        try:
            return act(*args, **kwargs)
        finally:
            with self._changed:
                self._begun -= 1
                self._changed.notify_all()

    def close(self, patience: float) -> bool:
        """Let nothing begin any more; wait until nothing goes on, at the most `patience` seconds. Whether it is so."""
        with self._changed:
            self._closed = True
            return self._changed.wait_for(lambda: not self._begun, patience)
