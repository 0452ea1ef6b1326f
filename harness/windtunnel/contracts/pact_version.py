"""Which version of a service is being verified: what the matrix and a broker keep results under."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from windtunnel.errors import PactError

VARIABLE = "WINDTUNNEL_VERSION"
CHANGED = "+changed"
"""Behind the commit while tracked files differ from it."""
_USABLE = re.compile(r"[\x21-\x7e]{1,200}")


def current_version(folder: Path, environ: Mapping[str, str]) -> str:
    """`WINDTUNNEL_VERSION`, else the commit that is checked out in `folder`. Raises `PactError` without either."""
    told = environ.get(VARIABLE, "")
    if told:
        return usable_version(told, VARIABLE)
    command = ["git", "-C", str(folder), "describe", "--always", "--exclude=*", "--abbrev=40", f"--dirty={CHANGED}"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        raise PactError(f"{folder} is in no git repository; set {VARIABLE} to the version that is verified") from None
    return usable_version(found, "git describe")


def usable_version(text: str, where: str) -> str:
    """The text. Raises `PactError` for one that cannot be a version."""
    if not _USABLE.fullmatch(text):
        raise PactError(f"{where}: {text[:50]!r} is no version; 1 to 200 visible characters without spaces are needed")
    return text
