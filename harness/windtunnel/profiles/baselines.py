"""Accepted runs on disk: `load/baselines/<profile>.json`, written by an explicit command and by nothing else."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

from windtunnel.errors import BadInputError
from windtunnel.profiles.regression import Accepted

FORMAT: Final = "windtunnel/baseline/v1"


def baseline_path(profile: Path, name: str) -> Path:
    """Beside the folder that the profile is in."""
    return profile.parent.parent / "baselines" / f"{name}.json"


def write_baseline(path: Path, accepted: Accepted) -> None:
    """A reader sees the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps({"baseline": FORMAT, **asdict(accepted)}, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def read_baseline(path: Path) -> Accepted | None:
    """None where nothing was accepted. Raises `BadInputError` for a file that is no baseline."""
    if not path.is_file():
        return None
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"cannot be read: {error}; accept a run again", path=path) from error
    wanted = {field.name for field in fields(Accepted)}
    if not isinstance(plain, dict) or plain.pop("baseline", None) != FORMAT or plain.keys() != wanted:
        raise BadInputError(f"is no baseline of format {FORMAT!r}; accept a run again", path=path)
    return Accepted(**plain)
