"""`<out>/summary.json`: what a run found, for programs. `reports/SUMMARY.md` describes it for people.

    each worker: write_part ─> <out>/parts/<worker>-<n>.json ─┐
    the controller, at the end: merge_summary ────────────────┴─> <out>/summary.json

`schema.py` says what is in it, `entry.py` makes the entry of one experiment, `facts.py` says what the run was.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import cast

from windtunnel.checks.verdict import Verdict
from windtunnel.history import History
from windtunnel.report.entry import entry_of
from windtunnel.report.facts import UNKNOWN_SYSTEM, Facts, run_of
from windtunnel.report.fuzz_entry import FuzzPart, Whole, fuzz_summary
from windtunnel.report.schema import (
    SCHEMA,
    ExperimentSummary,
    FuzzCellSummary,
    FuzzKind,
    LoadProfileSummary,
    SummaryDocument,
)
from windtunnel.spec.model import Spec


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A merged summary and where it lies."""

    path: Path
    document: SummaryDocument


def write_part(  # noqa: PLR0917 - everything that is known of one run, each of another type
    out: Path,
    worker: str,
    item: str,
    spec: Spec,
    verdict: Verdict,
    history: History | None,
    history_path: Path | None,
    reproduce: str = "",
) -> Path:
    """Store one experiment's result; any number of workers may do so at the same time. Returns the fragment's path.

    `history` is None when the experiment never began; `reproduce` is the command that runs it again. Texts come from
    the history and the verdict, so they are as clean of secrets as those are.
    """
    experiment = entry_of(item, spec, verdict, history, reproduce)
    experiment["history"] = _relative(history_path, out) if history_path else None
    return _write_new_part(out, worker, experiment)


def write_lost(out: Path, item: str) -> Path:
    """Store that an experiment's worker died in the middle of it: nothing else is known of it."""
    path, _, name = item.partition("::")
    lost = ExperimentSummary(
        id=name,
        title=name,
        item=item,
        verdict="ERROR",
        reasons=["the worker that ran it died"],
        windows={},
        recovery=None,
        faults=[],
        load=None,
        promises=[],
        severity="normal",
        tags=[],
        reproduce=f"pytest '{item}'",
        spec={"path": path, "sha256": ""},
        run={},
        history=None,
    )
    return _write_new_part(out, "lost", lost)


def write_lost_cell(out: Path, item: str) -> Path:
    """Store that a cell's worker died in the middle of it."""
    name = item.partition("::")[2]
    operation, _, condition = name.removesuffix("]").partition(" [")
    edge, _, fault = condition.rpartition(" ")
    lost = FuzzCellSummary(
        id=name,
        item=item,
        kind=_kind(name),
        operation=operation,
        edge=edge,
        fault=fault,
        found=_kind(name) == "found",
        verdict="ERROR",
        reasons=["the worker that ran it died"],
        problems=[],
        requests={},
        statuses={},
        reached=None,
        proof="",
        followed={},
        story=[],
        reproduce=f"pytest '{item}'",
        run={},
    )
    whole = Whole(operations=0, left_out={}, cells=0, links=0)
    return write_fuzz_part(out, "lost", FuzzPart(item=item, number=0, whole=whole, result=lost))


def _kind(name: str) -> FuzzKind:
    """By the form of its id."""
    if name.endswith("]"):
        return "cell"
    return "found" if name.startswith("found: ") else "walk" if name.startswith("walk ") else "chain"


def write_load_part(out: Path, worker: str, entry: LoadProfileSummary) -> Path:
    """Store one load profile's result, as `write_part` does an experiment's."""
    return _write_new_part(out, worker, entry, "load-parts")


def write_fuzz_part(out: Path, worker: str, part: FuzzPart) -> Path:
    """Store what came of one cell, as `write_part` does an experiment's."""
    return _write_new_part(out, worker, part, "fuzz-parts")


def _write_new_part(out: Path, worker: str, experiment: Mapping[str, object], into: str = "parts") -> Path:
    folder = out / into
    folder.mkdir(parents=True, exist_ok=True)
    part = next(path for n in count(1) if not (path := folder / f"{worker}-{n:04}.json").exists())
    _write(part, experiment)
    return part


def merge_summary(out: Path, facts: Facts | None = None) -> Summary:
    """Merge all fragments into `summary.json`, sorted by item. Writes no file when there is no fragment.

    `facts` are what the run knows of itself and of its system.
    """
    experiments = cast("list[ExperimentSummary]", _parts(out / "parts"))
    profiles = cast("list[LoadProfileSummary]", _parts(out / "load-parts"))
    fuzzed = fuzz_summary(cast("list[FuzzPart]", _parts(out / "fuzz-parts")))
    cells = fuzzed["results"] if fuzzed else []
    totals = Counter(experiment["verdict"] for experiment in experiments)
    document = SummaryDocument(
        schema=SCHEMA,
        totals=dict(sorted(totals.items())),
        system=facts.system if facts else UNKNOWN_SYSTEM,
        run=run_of([*experiments, *profiles, *cells], facts),
        experiments=experiments,
    )
    if profiles:
        document["load_profiles"] = profiles
    if fuzzed:
        document["fuzz"] = fuzzed
    summary = Summary(path=out / "summary.json", document=document)
    if experiments or profiles or cells:
        _write(summary.path, document)
    return summary


def _parts(folder: Path) -> list[dict[str, object]]:
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return sorted(parts, key=lambda part: str(part["item"]))


def _write(path: Path, document: Mapping[str, object]) -> None:
    """A reader sees the old file or the new one, never half of it."""
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def _relative(path: Path, out: Path) -> str:
    return str(path.relative_to(out)) if path.is_relative_to(out) else str(path)
