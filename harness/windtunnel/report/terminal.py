"""The closing summary: what a person reads in the terminal when the run is over. 100 columns, no colour needed.

    FAIL: Orders answer in time while payments is slow
      fault     place_order p99 < 1500ms: got 5004ms (n=601, 14.2% over)
      reproduce: pytest 'chaos_specs/payments_slow.yaml::payments_slow' --wt-seed=0 --wt-profile=ci

    verdict  experiment        errors p95 ms before  fault  after recovery
    FAIL     payments_slow      14.2%            33   5004     35  > 15.0s
    PASS     payments_refused     75%            33     12     35     2.0s

    the matrix: 1 of 9 combinations held, 2 decided (score 11.1%, coverage 22.2%)
      orders->payments         failed: latency; degraded: down

What broke comes first, then every experiment (worst first), then the matrix in short, and where the evidence is.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from windtunnel.checks.figures import percent
from windtunnel.report.fuzz_terminal import fuzz_lines
from windtunnel.report.load_terminal import profile_lines
from windtunnel.report.matrix import LOOKS, Grid, matrix_of
from windtunnel.report.promises import broken_promises, other_reasons, where_and_limit
from windtunnel.report.schema import ExperimentSummary, SummaryDocument
from windtunnel.report.summary import Summary
from windtunnel.report.words import VERDICTS_WORST_FIRST as WORST_FIRST
from windtunnel.report.words import share

WIDTH: Final = 100
NAME_WIDTH: Final = 40
TARGET_WIDTH: Final = 24
NONE: Final = "-"


def closing_lines(summary: Summary, base: Path) -> list[str]:
    """The summary; empty when nothing ran. `base` is the folder from which paths are shown."""
    experiments = sorted(summary.document["experiments"], key=lambda e: (WORST_FIRST.index(e["verdict"]), e["item"]))
    profiles = summary.document.get("load_profiles", [])
    loads = [*profile_lines(profiles), ""] if profiles else []
    if "fuzz" in summary.document:
        loads += [*fuzz_lines(summary.document["fuzz"]), ""]
    if not experiments:
        return [*loads, f"evidence: {_shown(summary.path, base)}"] if loads else []
    lines = [line for entry in experiments if entry["verdict"] in ("FAIL", "ERROR") for line in _broken(entry)]
    lines.append(_row("verdict", "experiment", "errors", "p95 ms before", "fault", "after", "recovery"))
    for entry in experiments:
        lines.append(_experiment_row(entry))
        if entry["verdict"] in ("XFAIL", "SKIP"):
            lines += [f"         {reason}" for text in entry["reasons"] for reason in text.splitlines()]
    totals = ", ".join(f"{n} {word}" for word in WORST_FIRST if (n := summary.document["totals"].get(word)))
    return [
        *lines,
        f"{totals}; errors: share of requests in the fault window",
        "",
        *_matrix(summary.document),
        *([""] if loads else []),
        *loads,
        f"evidence: {_shown(summary.path, base)}",
        f"as pages: windtunnel report {_shown(summary.path.parent, base)}",
    ]


def _broken(entry: ExperimentSummary) -> Iterator[str]:
    """What broke, each with window, limit and figure; how to see it again."""
    yield f"{entry['verdict']}: {entry['title']}"
    for promise in broken_promises(entry):
        window, limit = where_and_limit(promise["promise"])
        yield from _wrapped(f"{window:9} {limit}: {promise['got']}", 12)
    for reason in other_reasons(entry):
        yield from _wrapped(reason, 4)
    yield f"  reproduce: {entry['reproduce']}"  # never wrapped: it is there to be copied
    yield ""


def _matrix(document: SummaryDocument) -> Iterator[str]:
    """Each edge and service that something was tried on, and what became of it; the others in one line."""
    matrix = matrix_of(document)
    if not matrix.cells:
        return
    yield (
        f"the matrix: {matrix.held} of {len(matrix.cells)} combinations held, {matrix.decided} decided "
        f"(score {share(matrix.score)}, coverage {share(matrix.coverage)})"
    )
    untested = []
    for grid in matrix.grids:
        for target in grid.targets:
            if words := _tried(grid, target):
                yield from _wrapped(f"{target:{TARGET_WIDTH}} {words}", TARGET_WIDTH + 3)
            else:
                untested.append(target)
    if untested:
        yield from _wrapped(f"{'never tested':{TARGET_WIDTH}} {', '.join(untested)}", TARGET_WIDTH + 3)


def _tried(grid: Grid, target: str) -> str:
    """`failed: timeout; degraded: down, latency`."""
    row = grid.row(target)
    by_state = [
        (look.word, faults)
        for state, look in LOOKS.items()
        if state != "untested" and (faults := [cell.fault for cell in row if cell.state == state])
    ]
    return "; ".join(f"{word}: {', '.join(faults)}" for word, faults in by_state)


def _wrapped(text: str, indent: int) -> list[str]:
    """Two spaces before the first line, `indent` before the others."""
    return textwrap.wrap(
        text, WIDTH, initial_indent="  ", subsequent_indent=" " * indent, break_long_words=True, break_on_hyphens=False
    )


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
