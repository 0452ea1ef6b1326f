"""The live line: what each worker's experiment is doing, on the row below pytest's own output.

On a terminal it is one row that is drawn again twice a second; elsewhere (a CI log) it is a plain line now and then.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from windtunnel.report.progress import one_line, read_ticks

# Down a row (scrolling if need be), back up, remember the place; then write below and return to it.
_OPEN = "\x1bD\x1b[1A\x1b7\x1b[1B\r\x1b[2K"
_CLOSE = "\x1b8"

TERMINAL_EVERY = 0.5
LOG_EVERY = 15.0


class LiveLine:
    """A pytest plugin of the controller: starts with the run, ends with it."""

    def __init__(self, out: Path, descriptor: int, *, terminal: bool, width: int) -> None:
        """`descriptor` is an open file descriptor of the real terminal (or log); it is not closed here."""
        self._out, self._descriptor, self._terminal, self._width = out, descriptor, terminal, width
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._shown = False
        self._thread = threading.Thread(target=self._draw_until_over, name="windtunnel-live", daemon=True)
        self._thread.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self) -> None:
        self._erase()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        self.stop()

    def pytest_unconfigure(self) -> None:
        self.stop()

    def stop(self) -> None:
        """End the drawing and leave a clean row. Can be called twice."""
        self._over.set()
        self._thread.join()
        self._erase()

    def _draw_until_over(self) -> None:
        while not self._over.wait(TERMINAL_EVERY if self._terminal else LOG_EVERY):
            text = " | ".join(one_line(worker, tick) for worker, tick in read_ticks(self._out))
            if text:
                self._draw(text)

    def _draw(self, text: str) -> None:
        with self._lock:
            if self._terminal:
                self._put(f"{_OPEN}{text[: self._width - 1]}{_CLOSE}")
            else:
                self._put(f"\n  {text}\n")
            self._shown = True

    def _erase(self) -> None:
        with self._lock:
            if self._shown and self._terminal:
                self._put(f"{_OPEN}{_CLOSE}")
            self._shown = False

    def _put(self, text: str) -> None:
        os.write(self._descriptor, text.encode())
