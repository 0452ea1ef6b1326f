"""A service's disk: when it was last written to, filling it to the last byte, and showing that no byte more fits.

Standard library only, and a program too: on containers, `exec` runs this very text in a container that has the disk.

    python -c TEXT last_written|fill|free|refusal FOLDER
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from io import FileIO
from pathlib import Path

BALLAST = ".windtunnel-ballast"
"""The file that takes all that is free."""
TRIAL = ".windtunnel-trial"
CHUNKS = (1 << 20, 1 << 12, 1)
"""Bytes that are written at once, as long as they fit."""
FULL = (errno.ENOSPC, errno.EDQUOT)


def last_written(folder: Path, apart: Collection[str] = ()) -> float:
    """When a file with something in it was last changed (seconds since the epoch); 0 without any.

    `apart`: paths that do not count, such as files mapped into memory, whose times change without a write.
    """
    newest = 0.0
    for path in folder.rglob("*"):
        with suppress(OSError):  # gone meanwhile
            found = path.lstat()
            if path.is_file() and found.st_size and path.name not in (BALLAST, TRIAL) and str(path) not in apart:
                newest = max(newest, found.st_mtime)
    return newest


def fill(folder: Path) -> None:
    """Take all that is free. Raises `OSError` for any other reason than that nothing is left."""
    with (folder / BALLAST).open("ab", buffering=0) as ballast:
        for size in CHUNKS:
            while _fits(ballast, size):
                pass


def _fits(file: FileIO, size: int) -> bool:
    """Append so many bytes; False when not all of them found room."""
    try:
        return file.write(b"\0" * size) == size
    except OSError as error:
        if error.errno not in FULL:
            raise
        return False


def free(folder: Path) -> None:
    """Give it back. Harmless when nothing was taken."""
    (folder / BALLAST).unlink(missing_ok=True)


def refusal(folder: Path) -> str:
    """How the system refuses to write one byte more; empty when it does not."""
    trial = folder / TRIAL
    try:
        with trial.open("wb", buffering=0) as file:
            file.write(b"\0")
    except OSError as error:
        if error.errno not in FULL:
            raise
        return str(error.strerror)
    finally:
        trial.unlink(missing_ok=True)
    return ""


if __name__ == "__main__":
    acts: dict[str, Callable[[Path], object]]
    acts = {"last_written": last_written, "fill": fill, "free": free, "refusal": refusal}
    print(acts[sys.argv[1]](Path(sys.argv[2])))
