"""A run as it lies on disk: `summary.json` with the histories and logs beside it, read for a report."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from windtunnel.checks import judge
from windtunnel.errors import BadInputError
from windtunnel.faults import SHAPES
from windtunnel.history import Header, History, read_history
from windtunnel.report.entry import entry_of
from windtunnel.report.facts import run_of
from windtunnel.report.schema import SCHEMA, ExperimentSummary, SummaryDocument, SystemSummary
from windtunnel.spec import spec_from_plain
from windtunnel.tunnel import file_name


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """The folder that a run left, and its summary."""

    folder: Path
    document: SummaryDocument


def history_of(folder: Path, experiment: ExperimentSummary) -> History | None:
    """The record of one experiment of the run in `folder`; None when it never began, or its file is no longer kept."""
    path = folder / experiment["history"] if experiment["history"] else None
    return read_history(path) if path and path.is_file() else None


def logs_of(folder: Path, experiment: ExperimentSummary) -> dict[str, str]:
    """What each service wrote during one experiment; empty when that was not kept."""
    if not experiment["history"]:
        return {}
    logs = folder / "logs" / Path(experiment["history"]).stem
    return {path.stem: path.read_text(encoding="utf-8", errors="replace") for path in sorted(logs.glob("*.log"))}


def page_name(entry: ExperimentSummary) -> str:
    """The file of an experiment's page in its run's folder."""
    return f"{Path(entry['history']).stem if entry['history'] else file_name(entry['id'], 0)}.html"


def read_run(folder: Path) -> StoredRun:
    """The run in this folder (or the one whose `summary.json` is named); from its histories alone when it has no
    summary, or one that lacks what this version tells. Raises `BadInputError`.
    """
    folder = folder.parent if folder.name == "summary.json" else folder
    path = folder / "summary.json"
    if path.is_file():
        document = read_summary(path)
        complete = document.keys() >= {"system", "run"}
        return StoredRun(folder=folder, document=document if complete else _completed(folder, document))
    if not any((folder / "histories").glob("*.jsonl")):
        raise BadInputError(
            "no run here: neither summary.json nor histories/*.jsonl; name what --wt-out was", path=folder
        )
    return StoredRun(folder=folder, document=_completed(folder, None))


def read_summary(path: Path) -> SummaryDocument:
    """A `summary.json` of this schema. Raises `BadInputError`."""
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"cannot be read: {error}", path=path) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else None
        raise BadInputError(f"schema {found!r}; this version reads {SCHEMA!r}", path=path)
    return cast("SummaryDocument", document)


def _completed(folder: Path, document: SummaryDocument | None) -> SummaryDocument:
    """What a summary lacks, from the histories. What it has stays as it is."""
    histories = {
        f"histories/{path.name}": read_history(path) for path in sorted((folder / "histories").glob("*.jsonl"))
    }
    if document is None:
        entries = [_entry(history, where) for where, history in histories.items()]
    else:
        entries = [_complete(entry, histories.get(entry["history"] or "")) for entry in document["experiments"]]
    entries.sort(key=lambda entry: entry["item"])
    headers = [history.header for history in histories.values()]
    return SummaryDocument(
        schema=SCHEMA,
        totals=dict(sorted(Counter(entry["verdict"] for entry in entries).items())),
        system=_system(headers),
        run={**run_of(entries, None), "backend": headers[0].backend if headers else "",
             "profile": headers[0].profile if headers else "", "versions": dict(headers[0].versions) if headers else {},
             "seed": headers[0].run_seed if headers else None},
        experiments=entries,
    )  # fmt: skip


def _entry(history: History, where: str) -> ExperimentSummary:
    item = f"{history.header.spec_path}::{history.header.experiment}"
    entry = entry_of(item, spec_from_plain(history.header.spec), judge(history), history)
    entry["history"] = where
    return entry


def _complete(entry: ExperimentSummary, history: History | None) -> ExperimentSummary:
    lacks = {"promises": [], "severity": "normal", "tags": [], "reproduce": f"pytest '{entry['item']}'"}
    whole = dict(_entry(history, entry["history"] or "")) if history else lacks
    windows = {name: {**cast("Any", whole).get("windows", {}).get(name, {"degraded_rate": None}), **figures}
               for name, figures in entry["windows"].items()}  # fmt: skip
    return cast("ExperimentSummary", {**whole, **entry, "windows": windows})


def _system(headers: list[Header]) -> SystemSummary:
    """The system as the headers know it. Old ones name only the edges that `degrades_to` does."""
    edges: dict[str, str] = {}
    for header in headers:
        named = {edge: "" for by_edge in header.degrades_to.values() for edge in by_edge}
        edges |= dict(header.edges) or named
    ends = [end for edge in edges for end in edge.split("->")]
    services = [name for header in headers for name in header.services] or ends
    return SystemSummary(
        name=headers[0].topology if headers else "",
        services=[name for name in dict.fromkeys(services) if name != "client"],
        edges=edges,
        replicas={name: count for header in headers for name, count in header.replicas.items()},
        faults={name: shape.on for name, shape in SHAPES.items()},
    )
