"""A process that outlives the run by a moment, to take down what a run that died could not.

    run ── pipe ──> reaper        "bye" comes:             ended well, the reaper just leaves
                                  the pipe closes first:   the run died; bury it

It has a session of its own and ignores polite signals: Ctrl-C in the terminal and a CI server's SIGTERM are meant for
the run.

Standard library only: it is up in an instant.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

from windtunnel.undo.burial import bury, owner_is_gone

GOODBYE = b"bye"
LOOK_EVERY = 1.0
"""Seconds between two looks at the owner: a child that was forked without exec may hold the pipe open."""


def watch(directory: Path, pipe: int) -> bool:
    """Wait until the run is over, one way or the other. True when it said goodbye."""
    said = b""
    while True:
        readable, _, _ = select.select([pipe], [], [], LOOK_EVERY)
        if readable:
            heard = os.read(pipe, 64)
            if not heard:
                return said == GOODBYE
            said += heard
        elif owner_is_gone(directory):
            return False


def main() -> None:
    """`python -m windtunnel.undo.reaper DIRECTORY`, with the pipe as standard input."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    directory = Path(sys.argv[1])
    if watch(directory, sys.stdin.fileno()):
        return
    failed = [line for line in bury(directory) if line.startswith("failed:")]
    if failed and directory.exists():
        (directory / "reaper.log").write_text("\n".join(failed) + "\n")


if __name__ == "__main__":
    main()
