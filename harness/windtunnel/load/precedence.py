"""What a process does to be on time: a late generator measures itself."""

from __future__ import annotations

import gc
import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

PRECEDENCE: Final = -10
"""As in nice(1)."""


def take_precedence() -> None:
    """Go before the system under test, where that is allowed, and have as many sockets as are allowed."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRECEDENCE)
    with suppress(OSError):
        # Where Linux shares the processor among sessions first, only this one counts.
        Path("/proc/self/autogroup").write_text(str(PRECEDENCE))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def keep_what_is_loaded() -> None:
    """Never look through it for garbage again: that takes long enough to make requests late."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
