"""Publishes a run: one folder of static files that any host can serve, with an index of the runs that are kept.

<to>/index.html                       every run, newest first
<to>/runs/20261121-092912/index.html  the matrix; beside it a page an experiment, and summary.json
"""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from windtunnel.errors import BadInputError
from windtunnel.report.allure_site import build_allure
from windtunnel.report.changes import Change, changes, compared
from windtunnel.report.page import Overview, experiment_page, index_page, overview_page
from windtunnel.report.schema import ExperimentSummary, SummaryDocument, SystemSummary
from windtunnel.report.stored import StoredRun, history_of, logs_of, page_name, read_summary
from windtunnel.report.track import Track, tracks

KEEP: Final = 30
"""How many runs stay published, unless told otherwise."""
MANY: Final = 24
"""From how many experiments on their pages are made by several processes; fewer are done before those have started."""
MARK: Final = "windtunnel-report"
"""A file that says: this folder is ours to write to, and to remove old runs from."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """Where a run went, and what it is compared with."""

    folder: Path
    index: Path
    changes: list[Change] | None
    tracks: dict[str, Track]
    removed: tuple[str, ...] = ()
    """Runs that were pruned."""

    @property
    def size(self) -> int:
        """Bytes of this run's files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def run_name(document: SummaryDocument) -> str:
    """`20261121-092912`, from when the run began, in UTC; the same run has the same name again."""
    began = document["run"]["began_unix"]
    return "never-began" if began is None else f"{datetime.fromtimestamp(began, UTC):%Y%m%d-%H%M%S}"


def publish(run: StoredRun, to: Path, *, keep: int = KEEP, allure: Path | None = None) -> Published:
    """Write the pages of a run beside those of earlier ones, and the index anew.

    It is compared with earlier runs of its own profile: a night is no measure for a pull request. `allure` is Allure's
    command (`find_allure`); with it, its report is built as well. Raises `BadInputError` when `to` is a folder with
    something else in it.
    """
    _claim(to)
    name, now = run_name(run.document), run.document
    earlier = [(folder, old) for folder, old in published_runs(to) if _comes_before(old, now)]
    before = earlier[-1][1] if earlier else None
    folder = to / "runs" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    found = changes(before, now) if before else None
    known = tracks([old for _, old in earlier], now)
    links = [("all runs", "../../index.html")]
    if allure is not None:
        trend = [to / "runs" / name for name, _ in earlier]
        links.append(("Allure report", build_allure(allure, run.folder / "allure-results", now, folder, trend).name))
    told = Overview(document=now, tracks=known, changes=found, before=before, links=links)
    (folder / "index.html").write_text(overview_page(told), encoding="utf-8")
    _write_experiments(run, folder, known)
    removed = _prune(to, keep)
    _write_index(to)
    return Published(folder=folder, index=to / "index.html", changes=found, tracks=known, removed=removed)


def _comes_before(old: SummaryDocument, now: SummaryDocument) -> bool:
    """Whether an older run can be what this one is compared with: both have experiments, or load profiles, ..."""
    earlier = (old["run"]["began_unix"] or 0.0) < (now["run"]["began_unix"] or 0.0)
    return earlier and old["run"]["profile"] == now["run"]["profile"] and bool(compared(old, now))


def published_runs(to: Path) -> list[tuple[str, SummaryDocument]]:
    """Every run that is kept there, oldest first. Raises `BadInputError` for one that cannot be read."""
    found = [(path.parent.name, read_summary(path)) for path in (to / "runs").glob("*/summary.json")]
    return sorted(found, key=lambda named: (named[1]["run"]["began_unix"] or 0.0, named[0]))


def _claim(to: Path) -> None:
    """An old run is removed one day, so the folder must be one that a report made."""
    if to.is_dir() and any(to.iterdir()) and not (to / MARK).exists():
        raise BadInputError("holds something else; name an empty folder, or one that a report was written to", path=to)
    if to.exists() and not to.is_dir():
        raise BadInputError("is a file; --to names a folder", path=to)
    to.mkdir(parents=True, exist_ok=True)
    (to / MARK).write_text("Made by windtunnel report; runs/ holds the published runs.\n", encoding="utf-8")


def _write_experiments(run: StoredRun, folder: Path, known: dict[str, Track]) -> None:
    """A page for each; of many, on all cores at once."""
    entries = run.document["experiments"]
    write = partial(_write_experiment, run.folder, run.document["system"], folder)
    since = [known[entry["item"]].words for entry in entries]
    if len(entries) < MANY:
        for entry, words in zip(entries, since, strict=True):
            write(entry, words)
        return
    # Not forked: a process that has threads must not be.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for _ in pool.map(write, entries, since, chunksize=8):
            pass


def _write_experiment(stored: Path, system: SystemSummary, folder: Path, entry: ExperimentSummary, since: str) -> None:
    page = experiment_page(entry, system, history_of(stored, entry), logs_of(stored, entry), since)
    (folder / page_name(entry)).write_text(page, encoding="utf-8")


def _prune(to: Path, keep: int) -> tuple[str, ...]:
    """Remove all but the newest `keep` runs."""
    names = [name for name, _ in published_runs(to)]
    old = tuple(names[: max(len(names) - max(keep, 1), 0)])
    for name in old:
        shutil.rmtree(to / "runs" / name)
    return old


def _write_index(to: Path) -> None:
    runs = [(name, run) for name, run in reversed(published_runs(to))]
    (to / "index.html").write_text(index_page(runs), encoding="utf-8")
