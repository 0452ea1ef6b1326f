"""What a run knows of itself and of its system: the parts of `summary.json` that no experiment holds alone."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from windtunnel.errors import BadInputError
from windtunnel.faults import SHAPES
from windtunnel.report.schema import ExperimentSummary, FuzzCellSummary, LoadProfileSummary, RunSummary, SystemSummary
from windtunnel.settings import Settings
from windtunnel.topology import Topology, read_topology

UNKNOWN_SYSTEM: Final = SystemSummary(name="", services=[], edges={}, faults={})


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts that hold for the whole run."""

    system: SystemSummary
    commit: str = ""
    backend: str = ""
    profile: str = ""
    seed: int | None = None
    machine: str = ""
    versions: dict[str, str]


def facts_of(settings: Settings, versions: dict[str, str]) -> Facts:
    """What is known when a run is over. A topology that was edited meanwhile, and is wrong now, costs no evidence."""
    try:
        system = system_of(read_topology(settings.topology))
    except BadInputError:
        system = UNKNOWN_SYSTEM
    return Facts(
        system=system,
        commit=commit_of(settings.topology.parent),
        backend=settings.backend,
        profile=settings.profile,
        seed=settings.seed,
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}",
        versions=versions,
    )


def system_of(topology: Topology) -> SystemSummary:
    """Everything in the system that a fault can be put on."""
    return SystemSummary(
        name=topology.name,
        services=list(topology.services),
        edges={edge.name: edge.kind for edge in topology.edges},
        replicas=topology.replicas,
        faults={name: shape.on for name, shape in SHAPES.items()},
    )


def run_of(
    experiments: Sequence[ExperimentSummary | LoadProfileSummary | FuzzCellSummary], facts: Facts | None
) -> RunSummary:
    """When it was, from the experiments that began; the rest from the facts."""
    began = [float(e["run"]["began_unix"]) for e in experiments if "began_unix" in e["run"]]
    ended = [float(e["run"]["began_unix"]) + float(e["run"]["seconds"]) for e in experiments if "seconds" in e["run"]]
    return RunSummary(
        began_unix=min(began, default=None),
        seconds=round(max(ended) - min(began), 3) if began else None,
        commit=facts.commit if facts else "",
        backend=facts.backend if facts else "",
        proxy=next((str(e["run"]["proxy"]) for e in experiments if "proxy" in e["run"]), ""),
        profile=facts.profile if facts else "",
        seed=facts.seed if facts else None,
        machine=facts.machine if facts else "",
        versions=facts.versions if facts else {},
    )


def commit_of(folder: Path) -> str:
    """The short hash of what is checked out there, with `+` when files differ from it; empty outside a repository."""
    commit = _git(folder, "rev-parse", "--short=12", "HEAD")
    return f"{commit}+" if commit and _git(folder, "status", "--porcelain", "--untracked-files=no") else commit


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):  # no git here: a run is worth its figures without it
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
