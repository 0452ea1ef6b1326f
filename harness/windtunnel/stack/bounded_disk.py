"""The bounded disk of a container: a volume in memory, which the recorder has mounted too, so that it outlives a kill.

What is done to it is done in the recorder: a service's own image need not have a program for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from windtunnel.errors import StackError
from windtunnel.stack import disk

DISKS = "/disks"
"""Where the recorder has them, by the name of the service."""


class BoundedDisk:
    """One service's. `recorder()` gives the engine's container."""

    def __init__(self, service: str, recorder: Callable[[], Any]) -> None:
        self.service, self.place = service, f"{DISKS}/{service}"
        self._recorder = recorder

    def fill(self) -> None:
        """Leave it no room."""
        self._do("fill")

    def free(self) -> None:
        """Undo `fill`. Harmless when there is room."""
        self._do("free")

    def refusal(self) -> str:
        """How it refuses one byte more; empty when it does not."""
        said = self._do("refusal")
        return f"one more byte on its disk was refused: {said}" if said else ""

    def last_written(self) -> float:
        """When a file on it last changed, in seconds since the epoch; 0 when it is empty."""
        return float(self._do("last_written"))

    def _do(self, act: str) -> str:
        """What the program says. Raises `StackError` when it fails."""
        program = Path(disk.__file__).read_text(encoding="utf-8")
        # As root: the files belong to whoever the service runs as.
        code, output = self._recorder().exec_run(["python3", "-c", program, act, self.place], user="0")
        said: str = output.decode(errors="replace").strip()
        if code:
            raise StackError(f"the disk of {self.service}: {act}: {said[-300:]}")
        return said
