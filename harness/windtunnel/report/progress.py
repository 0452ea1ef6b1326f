"""How far each worker is, in a small file of its own: a worker under pytest-xdist has no terminal to write to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from windtunnel.trial import Tick

EVERY = 0.5
"""Seconds between two writes at the most."""


class ProgressFile:
    """`<out>/progress/<worker>.json`, there while an experiment runs."""

    def __init__(self, out: Path, worker: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = out / "progress" / f"{worker}.json"
        self._clock, self._next = clock, 0.0

    def show(self, tick: Tick) -> None:
        now = self._clock()
        if now < self._next:
            return
        self._next = now + EVERY
        draft = self._path.with_suffix(".tmp")
        with suppress(OSError):  # a full disk must not end an experiment for the sake of a live line
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(asdict(tick)))
            draft.replace(self._path)  # a reader sees the old text or the new one, never half of it

    def __enter__(self) -> ProgressFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)


def read_ticks(out: Path) -> Iterator[tuple[str, Tick]]:
    """Each worker's last word, by worker."""
    for path in sorted((out / "progress").glob("*.json")):
        try:
            yield path.stem, Tick(**json.loads(path.read_text()))
        except FileNotFoundError:  # its experiment ended just now
            continue


def one_line(worker: str, tick: Tick) -> str:
    """`gw0 payments_refused: fault, 7 s left, 50/s, 36 errors/s`; for a load profile with its p95."""
    name = "" if worker == "main" else f"{worker} "
    errors = "no errors" if not tick.errors else f"{tick.errors:.0f} errors/s"
    p95 = "" if tick.p95 is None else f", p95 {1000 * tick.p95:.0f}ms"
    return f"{name}{tick.experiment}: {tick.phase}, {tick.left:.0f}s left, {tick.rate:.0f}/s, {errors}{p95}"
