"""The write-ahead journal of a run: how to take back each act, on disk before the act.

    {"id": "1", "op": "toxic_remove", "data": {...}}      planned: may have been done
    {"done": "1"}                                         taken back
    {"mortal": "http://127.0.0.1:21001"}                  a proxy server that cannot outlive the run

A torn last line was never acknowledged to who planned it, so its act was never begun.

Standard library only: the reaper imports this.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windtunnel.api_url import without_credentials
from windtunnel.undo.operations import OPERATIONS, REMOTE, Data, UndoError

if TYPE_CHECKING:
    from windtunnel.faults.base import UndoRecord


@dataclass(frozen=True, kw_only=True)
class Pending:
    """An act that may be in effect."""

    id: str
    op: str
    data: Data

    def __str__(self) -> str:
        """For people: without any password."""
        return without_credentials(f"{self.op} {' '.join(f'{key}={value}' for key, value in self.data.items())}")


class Journal:
    """Any thread may write. Reading needs no writer: another process can read while, or after, this one writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._count = len(_lines(path))

    def plan(self, record: UndoRecord) -> str:
        """Write down how an act will be taken back; returns its id once that is on disk.

        Raises ValueError when `op` is not in the table, since nobody could play it.
        """
        if record.op not in OPERATIONS:
            raise ValueError(f"unknown undo operation {record.op!r}; known: {', '.join(OPERATIONS)}")
        with self._lock:
            self._count += 1
            number = str(self._count)
            self._append({"id": number, "op": record.op, "data": dict(record.data)})
        return number

    def done(self, number: str) -> None:
        """The act of that id has been taken back."""
        with self._lock:
            self._append({"done": number})

    def dies_with_run(self, api: str) -> None:
        """The proxy server at that URL lives and dies with the run.

        After the run its port may belong to another run's server, where a proxy of the same name must be left alone.
        """
        with self._lock:
            self._append({"mortal": _origin(api)})

    def pending(self) -> tuple[Pending, ...]:
        """What has been planned and not been taken back, the latest first."""
        lines = _lines(self.path)
        done = {line["done"] for line in lines if "done" in line}
        planned = [line for line in lines if "op" in line and line["id"] not in done]
        return tuple(Pending(id=line["id"], op=line["op"], data=line["data"]) for line in reversed(planned))

    def mortal(self) -> frozenset[str]:
        """The servers named to `dies_with_run`."""
        return frozenset(line["mortal"] for line in _lines(self.path) if "mortal" in line)

    def _append(self, line: Mapping[str, object]) -> None:
        # O_APPEND in one write: readers see whole lines, or a torn last one.
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, (json.dumps(line) + "\n").encode())
            os.fsync(handle)
        finally:
            os.close(handle)


def play(journal: Journal, directory: Path) -> list[str]:
    """Take back everything that is pending, for a run that has ended. One line for each act; failures begin "failed:".

    Every act is tried, whatever fails.
    """
    mortal, told = journal.mortal(), []
    for pending in journal.pending():
        try:
            if pending.op not in REMOTE or _origin(str(pending.data.get("api"))) not in mortal:
                OPERATIONS[pending.op](pending.data, directory)
                told.append(str(pending))
            with suppress(FileNotFoundError):  # another process plays the same journal and was faster
                journal.done(pending.id)
        except (UndoError, OSError, KeyError, ValueError) as error:
            told.append(f"failed: {pending}: {error}")
    return told


def _origin(api: str) -> str:
    return api.rpartition("//")[2].rstrip("/").lower()


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    found = []
    for line in content.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
