"""What Allure shows beside the tests: categories, environment, executor, and figures with a trend.

Written into the results folder once, when the run is over. Allure 2 reads the first three from there; Allure 3 reads
environment, executor and figures from there, and categories from its configuration, which is made of the same table.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from windtunnel.report.schema import ExperimentSummary, LoadProfileSummary, SummaryDocument


@dataclass(frozen=True, kw_only=True)
class Category:
    """Failures of one kind; a failure belongs to the first whose pattern its message has."""

    name: str
    statuses: tuple[str, ...]
    pattern: str
    """A regular expression that JavaScript, Java and Python read alike."""


CATEGORIES: Final = (
    Category(name="Invariant broken", statuses=("failed",), pattern=r"\n\s+invariant \S+: "),
    Category(name="Recovery too slow", statuses=("failed",), pattern=r"\n\s+recovery within "),
    Category(name="SLO broken", statuses=("failed",), pattern=r"\n\s+(baseline|fault|recovered)(/\S.*)? \S+ [<>]=? "),
    Category(name="Load profile broken", statuses=("failed",), pattern=r"FAIL: load profile "),
    Category(name="Known weakness is gone", statuses=("failed",), pattern=r"known weakness no longer there"),
    Category(name="Environment error: what happened is unknown", statuses=("broken",), pattern=r"[\s\S]*"),
    Category(name="Known weakness", statuses=("skipped",), pattern=r"[Xx][Ff][Aa][Ii][Ll]"),
)


class Group(NamedTuple):
    """Figures of one unit, as the trend page shows them together."""

    name: str
    better: str


GROUPS: Final[Mapping[str, Group]] = {
    "ms": Group("p95", "lower"),
    "s": Group("recovery", "lower"),
    "/s": Group("capacity", "higher"),
}


def write_facts(results: Path, document: SummaryDocument, environ: Mapping[str, str] = os.environ) -> None:
    """Put all four files into the results folder; nothing when there is none."""
    if not results.is_dir():
        return
    _write(results / "categories.json", [
        {"name": c.name, "matchedStatuses": list(c.statuses), "messageRegex": f"[\\s\\S]*{c.pattern}[\\s\\S]*"}
        for c in CATEGORIES
    ])  # fmt: skip
    (results / "environment.properties").write_text(
        "".join(f"{_escaped(name)}={_escaped(value)}\n" for name, value in environment(document).items())
    )
    _write(results / "executor.json", executor(environ))
    _write(results / "windtunnel-perf.json", [figure for e in _entries(document) for figure in _figures(e)])


def environment(document: SummaryDocument) -> dict[str, str]:
    """What the run was, by the name that the report shows."""
    run = document["run"]
    known = {
        "System": document["system"]["name"], "Backend": run["backend"], "Proxy": run["proxy"],
        "Profile": run["profile"], "Seed": "" if run["seed"] is None else str(run["seed"]), "Commit": run["commit"],
        "Machine": run["machine"],
    }  # fmt: skip
    versions = {f"Version of {name}": version for name, version in run["versions"].items()}
    return {name: value for name, value in {**known, **versions}.items() if value}


def executor(environ: Mapping[str, str]) -> dict[str, str]:
    """Who ran it: GitHub, GitLab, or a person."""
    if run := environ.get("GITHUB_RUN_ID"):
        server, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
        name = f"{environ.get('GITHUB_WORKFLOW', 'workflow')} #{environ.get('GITHUB_RUN_NUMBER', run)}"
        return {"name": "GitHub Actions", "type": "github", "buildName": name,
                "buildUrl": f"{server}/{repository}/actions/runs/{run}"}  # fmt: skip
    if job := environ.get("CI_JOB_ID"):
        name = f"{environ.get('CI_JOB_NAME', 'job')} #{environ.get('CI_PIPELINE_IID', job)}"
        return {"name": "GitLab CI", "type": "gitlab", "buildName": name, "buildUrl": environ.get("CI_JOB_URL", "")}
    return {"name": "by hand", "type": "local", "buildName": "by hand"}


def metrics(document: SummaryDocument) -> dict[str, dict[str, str]]:
    """The figures of this run as Allure 3's configuration declares them."""
    declared = {}
    for entry in _entries(document):
        for key, title, unit, _ in _measured(entry):
            group = GROUPS[unit]
            declared[key] = {"title": title, "unit": unit, "better": group.better, "group": group.name}
    return declared


def _entries(document: SummaryDocument) -> list[ExperimentSummary | LoadProfileSummary]:
    return [*document["experiments"], *document.get("load_profiles", ())]


def _figures(entry: ExperimentSummary | LoadProfileSummary) -> list[dict[str, str | float]]:
    begin = 1000 * float(entry["run"].get("began_unix", 0.0))
    end = begin + 1000 * float(entry["run"].get("seconds", 0.0))
    return [
        {"id": f"{entry['id']}-{key}", "key": key, "value": value, "start": round(begin), "stop": round(end)}
        for key, _, _, value in _measured(entry)
    ]


def _measured(entry: ExperimentSummary | LoadProfileSummary) -> list[tuple[str, str, str, float]]:
    """Key, title, unit and value of what is worth a trend: p95 of windows and stages, recovery, capacity."""
    found = [
        (f"p95.{window}.{entry['id']}", f"{entry['id']}: p95, {window}", "ms", figures["p95_ms"])
        for window, figures in entry["windows"].items()
        if "/" not in window and figures["p95_ms"] is not None
    ]
    recovery = entry["recovery"]
    if recovery is not None and recovery["seconds"] is not None:
        found.append((f"recovery.{entry['id']}", f"{entry['id']}: recovery", "s", recovery["seconds"]))
    capacity = cast("Any", entry).get("capacity")
    if capacity is not None and capacity["held_rate"] is not None:
        found.append((f"capacity.{entry['id']}", f"{entry['id']}: capacity", "/s", capacity["held_rate"]))
    return found


def _escaped(text: str) -> str:
    """As a properties file wants it: these end a name."""
    return text.replace("\\", "\\\\").replace("=", "\\=").replace(":", "\\:").replace(" ", "\\ ")


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
