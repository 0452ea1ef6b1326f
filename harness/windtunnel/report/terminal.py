"""The closing table: what a person reads in the terminal when the run is over. 100 columns, no colour needed.

    verdict  experiment        errors p95 ms before  fault  after recovery
    FAIL     payments_slow      14.2%            33   5004     35  > 15.0s
             fault/place_order p99 < 1500ms: got 5004ms (n=601, 14.2% over)
    PASS     payments_refused     75%            33     12     35     2.0s

Worst first; below each, one line for everything that did not pass.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from windtunnel.checks.figures import percent
from windtunnel.report.schema import ExperimentSummary
from windtunnel.report.summary import Summary

WORST_FIRST: Final = ("FAIL", "ERROR", "XFAIL", "SKIP", "PASS")
NAME_WIDTH: Final = 40
NONE: Final = "-"


def closing_lines(summary: Summary, base: Path) -> list[str]:
    """The table, worst verdicts first, each with its reasons below it; empty when no experiment ran.

    `base` is the folder from which paths are shown.
    """
    experiments = summary.document["experiments"]
    if not experiments:
        return []
    head = _row("verdict", "experiment", "errors", "p95 ms before", "fault", "after", "recovery")
    lines = [head]
    for experiment in sorted(experiments, key=lambda e: (WORST_FIRST.index(e["verdict"]), e["item"])):
        lines.append(_experiment_row(experiment))
        lines += [f"         {reason}" for text in experiment["reasons"] for reason in text.splitlines()]
    totals = ", ".join(f"{n} {word}" for word in WORST_FIRST if (n := summary.document["totals"].get(word)))
    return [
        *lines,
        f"{totals}; errors: share of requests in the fault window",
        f"evidence: {_shown(summary.path, base)}",
    ]


def _experiment_row(experiment: ExperimentSummary) -> str:
    fault = experiment["windows"].get("fault")
    errors = fault["error_rate"] if fault else None
    return _row(
        experiment["verdict"],
        experiment["id"],
        NONE if errors is None else percent(errors),
        *(_p95(experiment, window) for window in ("baseline", "fault", "recovered")),
        _recovery(experiment),
    )


def _row(*cells: str) -> str:
    verdict, name, errors, before, fault, after, recovery = cells
    name = name if len(name) <= NAME_WIDTH else name[: NAME_WIDTH - 3] + "..."
    return f"{verdict:8} {name:{NAME_WIDTH}} {errors:>7} {before:>13} {fault:>6} {after:>6} {recovery:>8}".rstrip()


def _p95(experiment: ExperimentSummary, window: str) -> str:
    figures = experiment["windows"].get(window)
    value = figures["p95_ms"] if figures else None
    return NONE if value is None else f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def _recovery(experiment: ExperimentSummary) -> str:
    figure = experiment["recovery"]
    if figure is None or figure["seconds"] is None:
        return NONE
    return f"> {figure['seconds']:.1f}s" if figure["censored"] else f"{figure['seconds']:.1f}s"


def _shown(path: Path, base: Path) -> str:
    return str(path.relative_to(base) if path.is_relative_to(base) else path)
