"""The run's side of the reaper: it is started with the run, and sent away when the run has cleaned up after itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import windtunnel
from windtunnel.undo.reaper import GOODBYE

SOURCE_ROOT = str(Path(windtunnel.__file__).parents[1])


class Guard:
    """A reaper at work, tied to this process by a pipe. Raises OSError when it cannot be started.

    This process has the only write end, close-on-exec, so that no service can keep the pipe open. One that is just
    being started does, until it has its own environment, so that the reaper finds it.
    """

    def __init__(self, directory: Path) -> None:
        # Without `site` and the caller's environment it starts in an instant, and the same everywhere.
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-P", "-m", "windtunnel.undo.reaper", str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PYTHONPATH": SOURCE_ROOT, "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def dismiss(self) -> None:
        """The run has cleaned up after itself. Returns once the reaper is gone."""
        try:
            self._process.communicate(GOODBYE, timeout=5.0)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
