"""Runs a load profile and leaves its evidence: for pytest and for the command line alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from windtunnel.checks.verdict import Finding, Verdict
from windtunnel.errors import CapabilityError, WindtunnelError
from windtunnel.history import History
from windtunnel.machine import machine
from windtunnel.profiles.baselines import baseline_path, read_baseline
from windtunnel.profiles.judging import Outcomes
from windtunnel.profiles.model import Profile
from windtunnel.profiles.regression import incomparable, judge_regression
from windtunnel.report.load_entry import load_entry
from windtunnel.report.load_plots import render_plots
from windtunnel.report.outdir import write_logs
from windtunnel.report.schema import LoadProfileSummary
from windtunnel.report.summary import write_load_part
from windtunnel.trial import Tick
from windtunnel.tunnel import Tunnel

NOTHING_ACCEPTED = "not compared: no run has been accepted yet"


@dataclass(frozen=True, kw_only=True)
class Driven:
    """One run: what it found, its evidence, and its entry in the summary."""

    outcomes: Outcomes
    entry: LoadProfileSummary
    history: History | None
    path: Path | None
    plots: dict[str, bytes]
    compared: str
    """How it stands to the accepted run, where it was not compared: a line for people; else empty."""


def drive(tunnel: Tunnel, profile: Profile, item: str, reproduce: str, watch: Callable[[Tick], None]) -> Driven:
    """Whatever happens is recorded as a verdict. Raises what is a bug, after that too; `BadInputError` for a baseline
    that cannot be read, before anything is driven.
    """
    settings, path = tunnel.settings, None
    accepted = read_baseline(baseline_path(profile.path, profile.id)) if profile.regression else None
    why_not = incomparable(accepted, profile, machine()) if accepted else None

    def compare(history: History) -> Sequence[Finding]:
        return judge_regression(accepted, history, profile) if accepted and not why_not else ()

    history, plots = None, dict[str, bytes]()
    try:
        measured = tunnel.drive(profile, watch, compare=compare)
    except CapabilityError as missing:
        outcomes = Outcomes(verdict=Verdict(outcome="SKIP", errors=(str(missing),)))
    except WindtunnelError as trouble:
        outcomes = Outcomes(verdict=Verdict(outcome="ERROR", errors=(f"{type(trouble).__name__}: {trouble}",)))
    except Exception as bug:
        outcomes = Outcomes(verdict=Verdict(outcome="ERROR", errors=(f"{type(bug).__name__}: {bug}",)))
        write_load_part(settings.out, settings.worker, load_entry(item, profile, outcomes, None, reproduce))
        raise
    else:
        outcomes, history, path = measured.outcomes, measured.history, measured.path
        write_logs(settings.out, Path(f"load-{path.stem}.jsonl"), measured.logs)
        plots = render_plots(history, profile)
        for name, picture in plots.items():
            path.with_name(f"{path.stem}-{name}.png").write_bytes(picture)
    entry = load_entry(item, profile, outcomes, history, reproduce)
    entry["history"] = f"load/{path.name}" if path else None
    write_load_part(settings.out, settings.worker, entry)
    return Driven(
        outcomes=outcomes,
        entry=entry,
        history=history,
        path=path,
        plots=plots,
        compared=why_not or ("" if accepted or not profile.regression else NOTHING_ACCEPTED),
    )
