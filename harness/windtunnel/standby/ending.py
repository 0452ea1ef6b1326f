"""Ctrl-C and SIGTERM, for a program that stands until one of them comes.

While the system is being stood up a signal interrupts (KeyboardInterrupt); while it stands a signal is only noted, so
that it comes at no awkward moment; after that the next signal ends the process at once, and the reaper does the rest.
"""

from __future__ import annotations

import os
import select
import signal
from types import FrameType
from typing import Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Ending:
    """A context manager, for the main thread."""

    def __init__(self) -> None:
        self._standing = False
        self._read, self._write = os.pipe()

    def stand(self) -> None:
        """From now on signals are noted."""
        self._standing = True

    def wait(self, seconds: float) -> bool:
        """Whether a signal has come, at the latest when so many seconds have passed."""
        return bool(select.select([self._read], [], [], max(0.0, seconds))[0])

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        if not self._standing:
            raise KeyboardInterrupt
        os.write(self._write, b"!")
