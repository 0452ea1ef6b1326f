"""Taking down what a dead run left: its journal played, its processes ended, its directory removed.

Standard library only: the reaper imports this.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from windtunnel.undo.journal import Journal, play
from windtunnel.undo.operations import UndoError, remove_tree
from windtunnel.undo.processes import RUN_VARIABLE, boot_id, carriers, end_carriers, look, pid_namespace, same_process

PREFIX = "windtunnel-"
"""A run's directory is called `windtunnel-<run id>`."""
JOURNAL = "undo.jsonl"
OWNER = "owner.json"


def make_directory(directory: Path) -> None:
    """A run's directory. It appears with its owner's name in it, so that nobody takes it for a dead run's."""
    hidden = unborn(directory)
    hidden.mkdir(mode=0o700)
    _write_owner(hidden)
    hidden.rename(directory)


def unborn(directory: Path) -> Path:
    """What a run's directory is called while it is being made."""
    return directory.with_name(f".{directory.name}")


def _write_owner(directory: Path) -> None:
    myself = look(os.getpid())
    if myself is None:
        raise UndoError("this process cannot be seen in /proc")
    owner = {
        "pid": myself.pid,
        "start": myself.start,
        "boot": boot_id(),
        "pids": pid_namespace(),
        "host": socket.gethostname(),
    }
    (directory / OWNER).write_text(json.dumps(owner))


def owner_is_gone(directory: Path) -> bool:
    """Whether the run that owns the directory is certainly over. What cannot be told counts as alive."""
    try:
        owner = json.loads((directory / OWNER).read_text())
        if owner["host"] != socket.gethostname():
            return False
        if owner["boot"] != boot_id():
            return True
        return bool(owner["pids"] == pid_namespace() and same_process(owner["pid"], owner["start"]) is None)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def bury(directory: Path) -> list[str]:
    """Take down what the run of that directory left; one line for each thing done, failures begin "failed:".

    The directory stays if something failed, so that `heal` can try again.
    """
    run_id = directory.name.removeprefix(".").removeprefix(PREFIX)
    told = play(Journal(directory / JOURNAL), directory)
    ended = carriers(RUN_VARIABLE, run_id)
    for process in end_carriers(RUN_VARIABLE, run_id):
        told.append(f"failed: process {process.pid} of run {run_id} does not end")
    told += [f"ended process {process.pid}" for process in ended]
    if any(line.startswith("failed:") for line in told):
        return told
    try:
        for path in (directory, unborn(directory)):
            remove_tree({"path": str(path)}, path)
    except UndoError as error:
        return [*told, f"failed: {error}"]
    return [*told, f"removed {directory}"]
