"""Brings what a container writes into a file, while it runs."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

CLOSING = 2.0
"""Seconds that the last lines have to arrive once the container is gone."""


class LogPump:
    """One file for a service over all its restarts and containers; a thread for each time that it runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads: list[threading.Thread] = []
        self._offset: dict[str, int] = {}
        """By container, how many bytes of its log are in the file: after a restart its log begins anew."""

    def follow(self, container: Any) -> None:
        """Call when it has been started; returns at once."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        for thread in self._threads:
            thread.join(CLOSING)  # the last run's end must not be written twice
        thread = threading.Thread(target=self._pump, args=(container,), name="windtunnel-log", daemon=True)
        thread.start()
        self._threads.append(thread)

    def close(self) -> None:
        """Call when the containers are gone."""
        for thread in self._threads:
            thread.join(CLOSING)

    def _pump(self, container: Any) -> None:
        # What an engine that goes away does to this stream is not this thread's to tell.
        with suppress(Exception), self._path.open("ab", buffering=0) as file:
            skip = self._offset.get(container.id, 0)
            for chunk in container.logs(stream=True, follow=True):
                fresh = chunk[skip:]
                skip = max(0, skip - len(chunk))
                file.write(fresh)
                self._offset[container.id] = self._offset.get(container.id, 0) + len(fresh)
