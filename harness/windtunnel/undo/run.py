"""One run of the harness on this machine: an id, a directory, a journal, and a reaper that guards them."""

from __future__ import annotations

import atexit
import os
import secrets
import tempfile
import time
from pathlib import Path

from windtunnel.errors import StackError
from windtunnel.undo.burial import JOURNAL, PREFIX, make_directory
from windtunnel.undo.guard import Guard
from windtunnel.undo.heal import heal
from windtunnel.undo.journal import Journal
from windtunnel.undo.operations import UndoError, remove_tree
from windtunnel.undo.processes import PROC, RUN_VARIABLE, end_carriers

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: sorts as it counts, and no letter looks like a digit."""


class Run:
    """Made by `Run.begin()`, ended by `end()` or a `with` block; at the latest when the interpreter ends."""

    def __init__(self, run_id: str, directory: Path) -> None:
        self.run_id, self.directory = run_id, directory
        self.reaper = Guard(directory)  # before there is anything that it would have to remove
        try:
            make_directory(directory)
            self.journal = Journal(directory / JOURNAL)
        except OSError as error:
            self.reaper.dismiss()
            raise StackError(f"no folder for this run: {error}; set TMPDIR to one that can be written to") from error
        self._owner, self._ended = os.getpid(), False
        atexit.register(self.end)

    @classmethod
    def begin(cls, *, parent: Path | None = None) -> Run:
        """Take down what dead runs left, then begin a new one. `parent` is the temporary directory by default.

        Raises `StackError` when its directory cannot be made, and on a machine without /proc: what cannot be found
        again must not be started.
        """
        if not (PROC / "self/environ").exists():
            raise StackError("this machine has no /proc, which the process backend needs; run on Linux")
        parent = parent or Path(tempfile.gettempdir())
        heal(parent)
        run_id = new_id()
        return cls(run_id, parent / f"{PREFIX}{run_id}")

    @property
    def env(self) -> dict[str, str]:
        """What every process that this run starts must have in its environment."""
        return {RUN_VARIABLE: self.run_id}

    def folder(self, name: str) -> Path:
        """A new folder in the run's directory, whose name begins with `name`."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory))

    def end(self) -> None:
        """End what is left of the run, remove its directory, let the reaper go. Can be called twice.

        Raises `StackError` when something stays; `heal` will try again, once this process has ended.
        """
        # A forked child inherits this object and its atexit hook, not the run.
        if self._ended or os.getpid() != self._owner:
            return
        self._ended = True
        atexit.unregister(self.end)
        try:
            self._clear()
        finally:
            self.reaper.dismiss()

    def _clear(self) -> None:
        left = end_carriers(RUN_VARIABLE, self.run_id)
        if left:
            raise StackError(f"run {self.run_id}: these processes do not end: {', '.join(str(p.pid) for p in left)}")
        try:
            remove_tree({"path": str(self.directory)}, self.directory)
        except UndoError as error:
            raise StackError(f"run {self.run_id}: {error}") from error

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end()


def new_id() -> str:
    """Fourteen letters and digits, unique, in the order of their making."""
    milliseconds = time.time_ns() // 1_000_000
    stamp = "".join(ALPHABET[(milliseconds >> shift) & 31] for shift in range(40, -1, -5))
    return stamp + "".join(secrets.choice(ALPHABET) for _ in range(5))
