"""One run of load as the harness sees it: samples come in, progress can be read, a report ends it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Protocol, Self

from windtunnel.errors import BadInputError, LoadError
from windtunnel.history import LoadEvent, Sample
from windtunnel.load.messages import Row

FIELDS: Final = tuple(field.name for field in fields(Sample))
"""In the order of a `Row`."""
OnSamples = Callable[[Sequence[Sample]], object]
SECOND: Final = 20
"""Ticks of the engine in about one second."""
PATIENCE: Final = 10.0
"""Seconds beyond the drain that a stop may take before the generator counts as hung."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stands. Rates are per second, over about the last second."""

    rate: float = 0.0
    """Arrivals started."""
    errors: float = 0.0
    """Requests that were not ok."""
    offered: int = 0
    """Arrivals due so far."""
    sent: int = 0
    """Arrivals started so far."""
    exhausted: bool = False
    """Whether the plan's stages are over, and all of their arrivals have ended: there is nothing to wait for."""


class Engine(Protocol):
    """What a run needs of the generator's process."""

    def say(self, **message: object) -> None: ...
    def kill(self) -> None: ...


class LoadRun:
    """Made by `LoadDriver.start`. A context manager, which stops the load without waiting for what is in flight."""

    def __init__(self, number: int, engine: Engine, on_samples: OnSamples) -> None:
        self._number, self._engine, self._on_samples = number, engine, on_samples
        self._changed = threading.Condition()
        self._began = False
        self._event: LoadEvent | None = None
        self._failure: Exception | None = None
        self._undelivered: Exception | None = None
        self._errors = 0
        self._ticks: deque[tuple[float, int, int, int]] = deque([(0.0, 0, 0, 0)], maxlen=SECOND + 1)
        self._exhausted = False
        self.began_at = 0.0
        """Monotonic seconds at which the plan's time began, once it has."""
        self.locust: Mapping[str, int] = {}
        """After the end, Locust's own count of `requests` and `failures`."""

    @property
    def over(self) -> bool:
        """Whether it has ended, well or not."""
        return self._event is not None or self._failure is not None

    @property
    def died(self) -> bool:
        """Whether the generator's death, or its hanging, ended the run."""
        return isinstance(self._failure, LoadError)

    @property
    def progress(self) -> Progress:
        """Cheap. Raises what went wrong with the run, if something did."""
        self._raise_trouble()
        then, sent_then, errors_then, _ = self._ticks[0]
        now, sent, errors, offered = self._ticks[-1]
        seconds = now - then or 1.0
        return Progress(
            rate=(sent - sent_then) / seconds,
            errors=(errors - errors_then) / seconds,
            offered=offered,
            sent=sent,
            exhausted=self._exhausted,
        )

    def stop(self, drain: float) -> LoadEvent:
        """Start no more arrivals, wait up to `drain` seconds for those in flight, and return the report.

        All samples have been delivered when it returns. Requests that are cut off then are samples too
        (`unfinished: ...`). Can be called twice. Raises `LoadError` when the generator died or hangs, and whatever
        `on_samples` raised.
        """
        if not self.over:
            self.order(do="stop", drain=drain)
        self._await(lambda: self.over, drain + PATIENCE)
        self._raise_trouble()
        if self._event is None:
            raise LoadError("the run of load has no report")
        return self._event

    def order(self, **what: object) -> None:
        """Tell the engine something about this run. If it is dead, that ends the run."""
        try:
            self._engine.say(run=self._number, **what)
        except LoadError as error:
            self.fail(error)

    def await_begin(self, patience: float) -> None:
        """Raises `BadInputError` for a bad scenario file or target, `LoadError` when the generator does not start."""
        self._await(lambda: self._began or self.over, patience)
        if self._failure is not None:  # what `on_samples` raised by now is for who stops the run
            raise self._failure

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take what the engine said. Called on the reader's thread; must not raise, or the reader would end."""
        if message["run"] != self._number:
            return
        match message["say"]:
            case "tick":
                self._deliver(message["samples"])
                self._ticks.append((message["t"], message["sent"], self._errors, message["offered"]))
                self._exhausted = message["exhausted"]
            case "began":
                self.began_at = message["t"]
                self._change(began=True)
            case "refused":
                path = Path(message["path"]) if message["path"] else None
                self._change(failure=BadInputError(message["what"], path=path, line=message["line"]))
            case "ended":
                report = dict(message["report"])
                self.locust = report.pop("locust")
                self._change(event=LoadEvent(**report))

    def fail(self, failure: Exception) -> None:
        """End the run; who waits for it is told at once. Harmless once it is over."""
        if not self.over:
            self._change(failure=failure)

    def _deliver(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        samples = [_sample(row) for row in rows]
        self._errors += sum(sample.outcome != "ok" for sample in samples)
        try:
            self._on_samples(samples)
        except Exception as error:  # raised to who reads the progress or stops the run
            self._undelivered = self._undelivered or error

    def _raise_trouble(self) -> None:
        if trouble := self._failure or self._undelivered:
            raise trouble

    def _change(self, *, began: bool = False, event: LoadEvent | None = None, failure: Exception | None = None) -> None:
        with self._changed:
            self._began = self._began or began
            self._event, self._failure = self._event or event, self._failure or failure
            self._changed.notify_all()

    def _await(self, happened: Callable[[], bool], patience: float) -> None:
        with self._changed:
            answered = self._changed.wait_for(happened, timeout=patience)
        if not answered:
            # It cannot be used for another run either: most likely a scenario never gives way.
            self.fail(LoadError(f"the load generator did not answer within {patience:g} s and was killed"))
            self._engine.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.over:
            self.stop(0.0)


def _sample(row: Row) -> Sample:
    return Sample(**dict(zip(FIELDS, row, strict=True)))
