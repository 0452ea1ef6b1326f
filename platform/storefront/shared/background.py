"""Work that goes on while no client waits: a step, again and again, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from resilience import trace
from storefront.shared import log


class Loop:
    """Calls `step` until it is stopped. `step` returns the seconds until it wants to be called again."""

    def __init__(self, name: str, step: Callable[[], float]) -> None:
        self._step = step
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something to do now."""
        self._wake.set()

    def stop(self, patience: float = 2.0) -> None:
        """Let the step in hand finish, for at most `patience` seconds. Harmless when never started."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    @property
    def stopping(self) -> bool:
        """A long step looks at this between two of its parts."""
        return self._stopping

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            trace.forget()
            try:
                pause = self._step()
            except Exception:  # whatever it was, the next step may succeed, and nobody else does this work
                log.logger.exception("background step failed")
                pause = 1.0
            if not self._stopping:
                self._wake.wait(pause)
