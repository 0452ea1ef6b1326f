"""The thread that looks, and writes what it saw."""

from __future__ import annotations

import time
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from windtunnel.history import HistoryWriter, NoteEvent
from windtunnel.observer.breakers import Breakers
from windtunnel.observer.calls import EdgeCalls
from windtunnel.stack.base import Stack

INTERVAL: Final = 0.5
"""Seconds between two looks: how exactly a breaker's changes are dated."""
PATIENCE: Final = 10.0
"""Seconds that the last look may take."""


class Observer:
    """Watches from `__enter__` to `__exit__`. What goes wrong with it is a note in the history: the experiment's
    verdict does not hang on it."""

    def __init__(self, stack: Stack, writer: HistoryWriter, *, interval: float = INTERVAL) -> None:
        self._writer, self._interval = writer, interval
        self._calls, self._breakers = EdgeCalls(stack), Breakers(stack)
        self._over = Event()
        self._thread = Thread(target=self._watch, name="windtunnel-observer", daemon=True)

    def __enter__(self) -> Self:
        self._look()  # what state everything is in before
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Looks once more, so that no call that has ended is missing."""
        self._over.set()
        self._thread.join(PATIENCE)

    def _watch(self) -> None:
        try:
            last = False
            while not last:
                last = self._over.wait(self._interval)
                self._look()
            if self._calls.missed:
                self._note(f"{self._calls.missed} calls between services are not in this record: too many at once")
        except Exception as error:  # whatever it is: to watch no longer is better than to end an experiment
            self._note(f"the system was not watched to the end: {type(error).__name__}: {error}")
        finally:
            self._breakers.close()

    def _look(self) -> None:
        for event in self._breakers.changes():
            self._writer.append(event)
        self._writer.add_calls(self._calls.new())

    def _note(self, text: str) -> None:
        self._writer.append(NoteEvent(t=time.monotonic(), what="info", text=text))
