"""Loads the file in which a system's owner says what a client does."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from windtunnel.errors import BadInputError
from windtunnel.load.client import Client

Scenario = Callable[[Client], object]
MODULE = "windtunnel_scenarios"
SET_UP = "set_up"
"""A function of this name, if the file has one, is called once before the first arrival of a run."""


def load_scenarios(path: Path, names: Iterable[str]) -> tuple[dict[str, Scenario], Scenario | None]:
    """The functions of these names, and the file's `set_up` if there is one.

    The file and its neighbours are run anew each time, so that nothing is left of the last run. Raises
    `BadInputError` with file and line when it cannot be imported, or lacks one of the names.
    """
    module = _execute(path)
    set_up = _scenario(module, SET_UP, path) if hasattr(module, SET_UP) else None
    return {name: _scenario(module, name, path) for name in names}, set_up


def digest(path: Path) -> str:
    """By which two machines know that they have the same file. Raises `BadInputError` when there is none."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInputError(f"scenarios cannot be read: {error.strerror}", path=path) from error


def _execute(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise BadInputError("no such Python file of scenarios", path=path)
    _forget_neighbours(path.parent)
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module  # dataclasses and pickling look their module up
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # last, so that nothing there can hide an installed package
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        what = f"scenarios cannot be imported: {type(error).__name__}: {error}"
        raise BadInputError(what, path=path, line=_line(error, path)) from error
    return module


def _forget_neighbours(folder: Path) -> None:
    """What the last run's file imported from its own folder."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).parent == folder:
            del sys.modules[name]


def _scenario(module: ModuleType, name: str, path: Path) -> Scenario:
    found = getattr(module, name, None)
    if not callable(found):
        known = sorted(n for n, f in vars(module).items() if getattr(f, "__module__", None) == MODULE and callable(f))
        public = ", ".join(n for n in known if not n.startswith("_") and n != SET_UP) or "none"
        raise BadInputError(f"no scenario {name!r}; known: {public}", path=path)
    scenario: Scenario = found
    return scenario


def _line(error: BaseException, path: Path) -> int | None:
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)
