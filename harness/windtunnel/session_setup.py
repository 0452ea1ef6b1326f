"""What a run of pytest is set up with: its system, backend and folder; and what of it the command line asks for."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any, Final

import pytest
from _pytest.mark.expression import Expression

from windtunnel.errors import BadInputError

PLAN: Final = pytest.StashKey[Path]()
"""The system's plan for fuzzing, where it has one."""
CHOICE: Final = "windtunnel_choice"
"""What a controller tells its workers under."""


def known_system(topology: Path) -> Any:
    """The system, or None: what is wrong with the file is told with the experiments, one line for each of theirs."""
    from windtunnel.topology import read_topology

    try:
        return read_topology(topology)
    except BadInputError:
        return None


def choice_of(config: pytest.Config, known: Any) -> Any:
    """What the run uses; a worker uses what its controller has chosen."""
    from windtunnel.stack.backends import Choice, choose

    told = getattr(config, "workerinput", {}).get(CHOICE)
    if told is not None:
        return Choice(**told)
    try:
        choice = choose(config.getoption("--wt-backend"), config.getoption("--wt-proxy"), known)
    except BadInputError as error:
        raise pytest.UsageError(str(error)) from error
    if choice.backend == "external" and (getattr(config.option, "numprocesses", None) or 0) > 1:
        raise pytest.UsageError("--wt-backend=external: two workers cannot share one system; leave out -n")
    return choice


def prepare_folder(out: Path) -> None:
    from windtunnel.report.outdir import prepare

    try:
        prepare(out)
    except BadInputError as error:
        raise pytest.UsageError(str(error)) from error


def topology_path(config: pytest.Config) -> Path:
    """Where it was typed counts: the option is relative to the working folder, the configuration to its own."""
    typed = config.getoption("--wt-topology")
    path: Path = config.invocation_params.dir / typed if typed else config.rootpath / config.getini("wt_topology")
    if not path.is_file():
        where = "--wt-topology" if typed else "wt_topology in pytest's configuration"
        raise pytest.UsageError(f"no topology file at {path}; see {where}")
    return path


def runs_experiments(config: pytest.Config) -> bool:
    """Whether experiments, load profiles or the plan for fuzzing are among the paths, and left in by `-m`.

    Other runs leave the last run's evidence alone.
    """
    kinds: dict[Path, tuple[str, ...]] = {config.rootpath / config.getini("wt_specs"): ("chaos",)}
    kinds[config.rootpath / config.getini("wt_profiles")] = ("load", "nightly")
    if (plan := config.stash.get(PLAN, None)) is not None:
        kinds[plan] = ("fuzz",)
    folders = [folder for folder, marks in kinds.items() if selects(config, *marks)]
    paths = [(config.invocation_params.dir / str(arg).split("::")[0]).resolve() for arg in config.args]
    return any(path.is_relative_to(folder) or folder.is_relative_to(path) for path in paths for folder in folders)


def selects(config: pytest.Config, *marks: str) -> bool:
    """Whether `-m` leaves in what has these marks."""
    text = config.getoption("markexpr", "")
    return not text or Expression.compile(text).evaluate(lambda name, /, **_: name in marks)


def end_cleanly_on_sigterm(config: pytest.Config) -> None:
    """What a CI server sends on cancel is handled like Ctrl-C: everything is taken down first."""

    def interrupt(signum: int, frame: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: the taking down must not be interrupted
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGTERM, interrupt)

        def restore() -> None:
            signal.signal(signal.SIGTERM, before)

        config.add_cleanup(restore)
