"""Another version of the same repository, beside the working tree, for as long as it is needed."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from windtunnel.errors import BadInputError


def root_of(path: Path) -> Path:
    """The repository that holds this path. Raises `BadInputError` where there is none."""
    return Path(_git(path if path.is_dir() else path.parent, "rev-parse", "--show-toplevel"))


def commit_named(root: Path, ref: str) -> str:
    """The short hash of a branch, tag or commit. Raises `BadInputError` for one that is not there."""
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", "--short=12", "--end-of-options", f"{ref}^{{commit}}")
    except BadInputError as error:
        raise BadInputError(f"no commit {ref!r} in {root}; name a branch, a tag or a commit that is there") from error


@contextmanager
def checked_out(root: Path, commit: str) -> Iterator[Path]:
    """A folder with that version's files. It shares the repository, and is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="windtunnel-base-") as folder:
        place = Path(folder) / commit
        _git(root, "worktree", "add", "--detach", "--quiet", str(place), commit)
        try:
            yield place
        finally:
            _git(root, "worktree", "remove", "--force", str(place))


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    except OSError as error:
        raise BadInputError(f"git is needed to have another version beside this one: {error.strerror}") from error
    if done.returncode:
        raise BadInputError(f"git {words[0]}: {done.stderr.strip() or f'exit code {done.returncode}'}", path=folder)
    return done.stdout.strip()
