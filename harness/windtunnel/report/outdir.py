"""The folder a run leaves its evidence in. Made empty by the controller before any worker writes."""

from __future__ import annotations

import shutil
from pathlib import Path

from windtunnel.errors import BadInputError

PARTS = ("parts", "progress", "histories", "allure-results")
"""What a run owns in there; nothing else is touched."""


def prepare(out: Path) -> None:
    """Remove what an earlier run left, so that no old verdict can be taken for a new one. Raises `BadInputError`."""
    if out.exists() and not out.is_dir():
        raise BadInputError("is a file; --wt-out names a folder", path=out)
    for part in PARTS:
        shutil.rmtree(out / part, ignore_errors=True)
    (out / "summary.json").unlink(missing_ok=True)


def tidy(out: Path) -> None:
    """Remove what only served while the run went on."""
    for part in ("parts", "progress"):
        shutil.rmtree(out / part, ignore_errors=True)
