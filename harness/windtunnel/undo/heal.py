"""Finding and taking down what dead runs left on this machine."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from windtunnel.undo.burial import PREFIX, bury, owner_is_gone


def heal(parent: Path | None = None) -> list[str]:
    """Take down what dead runs left in `parent` (by default the temporary directory); one line for each thing done.

    A run whose owner lives is never touched, nor one of another user, another machine or another container.
    Lines that begin "failed:" tell what could not be done.
    """
    told = []
    for directory in _dead(parent or Path(tempfile.gettempdir())):
        told += [f"{directory.name}: {line}" for line in bury(directory)]
    return told


def _dead(parent: Path) -> Iterator[Path]:
    for directory in sorted([*parent.glob(f"{PREFIX}*"), *parent.glob(f".{PREFIX}*")]):
        # The temporary directory is open to all: a journal by somebody else is not to be played.
        if is_folder_of_mine(directory) and owner_is_gone(directory):
            yield directory


def is_folder_of_mine(path: Path) -> bool:
    """Whether it is a folder, not a link to one, and this user's."""
    try:
        facts = path.lstat()
    except FileNotFoundError:  # somebody else has just healed it
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid()
