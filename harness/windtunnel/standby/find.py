"""Finding the systems that stand on this machine, for a second terminal."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windtunnel.errors import BadInputError, StackError
from windtunnel.standby.control import SOCKET, ask
from windtunnel.undo.burial import PREFIX, owner_is_gone
from windtunnel.undo.heal import is_folder_of_mine

START = "start one with: windtunnel up"
PATIENCE = 5.0
"""Seconds that one has to say who it is."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One `windtunnel up` that listens, and what it says of itself."""

    run_id: str
    folder: Path
    topology: str
    since: str
    """The time of day."""
    answers: bool = True
    """False for one that is suspended."""

    def __str__(self) -> str:
        told = f"{self.topology}, since {self.since}" if self.answers else "does not answer"
        return f"{self.run_id} ({told})"


def find_standing(run: str = "", parent: Path | None = None) -> Standing:
    """The one that stands, or the one whose id begins with `run`.

    Raises `BadInputError` when there is none, or more than one; `StackError` when it does not answer.
    """
    found = all_standing(parent)
    chosen = [one for one in found if one.run_id.startswith(run)]
    if len(chosen) == 1:
        if not chosen[0].answers:
            raise StackError(f"run {chosen[0].run_id} does not answer; if it is suspended (Ctrl-Z), let it go on (fg)")
        return chosen[0]
    if not found:
        raise BadInputError(f"no system stands on this machine; {START}")
    listed = "; ".join(map(str, found))
    if not chosen:
        raise BadInputError(f"no system of the run {run!r} stands on this machine; those that do: {listed}")
    raise BadInputError(f"more than one system stands; choose with --run ID: {listed}")


def all_standing(parent: Path | None = None) -> list[Standing]:
    """All of this user's, oldest first. The socket of one that died is removed: nobody will ever answer there."""
    found = []
    for folder in sorted((parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*")):
        # The temporary directory is open to all: nobody else's socket is to be spoken to.
        if not is_folder_of_mine(folder) or not (folder / SOCKET).exists():
            continue
        if owner_is_gone(folder):
            (folder / SOCKET).unlink(missing_ok=True)
        elif told := _introduction(folder):
            found.append(Standing(run_id=folder.name.removeprefix(PREFIX), folder=folder, **told))
    return found


def converse(standing: Standing, question: Mapping[str, object]) -> int:
    """Ask, print what is said, and return the exit code. Raises `StackError` when the other side ends meanwhile."""
    try:
        for message in ask(standing.folder, question):
            if "exit" in message:
                return int(message["exit"])
            if "wrong" in message:
                raise BadInputError(message["wrong"])
            print(message["say"], flush=True)
    except OSError as error:
        raise StackError(f"run {standing.run_id} does not answer: {error.strerror or error}") from error
    raise StackError(f"`windtunnel up` (run {standing.run_id}) ended before it had answered")


def _introduction(folder: Path) -> Mapping[str, Any] | None:
    """What it says of itself; None when it is not there."""
    try:
        return next(iter(ask(folder, {"ask": "who"}, patience=PATIENCE)), None)
    except TimeoutError:
        return {"topology": "", "since": "", "answers": False}
    except OSError:  # it is about to listen, or to end
        return None


def output_file(descriptor: int = 1) -> str:
    """The name of the ordinary file that the output goes to; empty when it goes elsewhere."""
    try:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        return path.name if path.is_file() else ""
    except OSError:
        return ""
