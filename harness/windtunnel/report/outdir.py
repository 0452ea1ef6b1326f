"""The folder a run leaves its evidence in. Made empty by the controller before any worker writes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from windtunnel.errors import BadInputError

PARTS = ("parts", "load-parts", "fuzz-parts", "progress", "histories", "load", "found", "logs", "allure-results")
"""What a run owns in there; nothing else is touched."""


def prepare(out: Path) -> None:
    """Remove what an earlier run left, so that no old verdict can be taken for a new one. Raises `BadInputError`."""
    if out.exists() and not out.is_dir():
        raise BadInputError("is a file; --wt-out names a folder", path=out)
    for part in PARTS:
        shutil.rmtree(out / part, ignore_errors=True)
    (out / "summary.json").unlink(missing_ok=True)


def write_logs(out: Path, history: Path, logs: Mapping[str, str]) -> None:
    """Keep what each service wrote during an experiment, in `<out>/logs/<name of its history>/<service>.log`."""
    folder = out / "logs" / history.stem
    folder.mkdir(parents=True, exist_ok=True)
    for service, text in logs.items():
        (folder / f"{service}.log").write_text(text, encoding="utf-8")


def tidy(out: Path) -> None:
    """Remove what only served while the run went on."""
    for part in ("parts", "load-parts", "fuzz-parts", "progress"):
        shutil.rmtree(out / part, ignore_errors=True)
