"""Load profiles in the terminal: a row a profile when a run of pytest ends, and a table of its stages for one run.

verdict  load profile        worst stage    offered   requests  errors  p95 ms
PASS     steady                   steady        160      257/s      0%      61
"""

from __future__ import annotations

from collections.abc import Iterator

from windtunnel.checks.figures import percent
from windtunnel.report.schema import LoadProfileSummary, StageSummary, WindowSummary
from windtunnel.report.words import VERDICTS_WORST_FIRST as WORST_FIRST

NAME_WIDTH = 30


def profile_lines(entries: list[LoadProfileSummary]) -> list[str]:
    """What broke first, then a row for each profile, worst first."""
    ordered = sorted(entries, key=lambda entry: (WORST_FIRST.index(entry["verdict"]), entry["item"]))
    broken = [line for entry in ordered if entry["verdict"] in ("FAIL", "ERROR") for line in _broken(entry)]
    head = _row("verdict", "load profile", "worst stage", "offered", "requests", "errors", "p95 ms")
    rows = [line for entry in ordered for line in _rows(entry)]
    return [*broken, head, *rows]


def stage_lines(entry: LoadProfileSummary) -> list[str]:
    """Every stage with its figures and who had the processors."""
    lines = [f"{'stage':16} {'offered/s':>12} {'requests/s':>10} {'errors':>8} {'p50':>8} {'p95':>8} {'p99':>8}  cores"]
    lines += [_stage(stage, entry["windows"].get(stage["stage"])) for stage in entry["stages"]]
    for budget in entry["budgets"]:
        spent = "" if budget["spent"] is None else f", {percent(budget['spent'])} of the period's budget spent"
        lines.append(
            f"{budget['stage']}: availability {percent(budget['availability'])}, "
            f"burn rate {budget['burn_rate']:.3g} of {budget['objective']}{spent}"
        )
    if entry["target_rate"] is not None:
        lines.append(f"target: {entry['target_rate']:g}/s {entry['target_of']}; this run: {entry['rate']:g} arrivals/s")
    return lines


def _broken(entry: LoadProfileSummary) -> Iterator[str]:
    yield f"{entry['verdict']}: load profile {entry['id']}: {entry['title']}"
    for reason in entry["reasons"]:
        yield f"  {reason}"
    yield f"  reproduce: {entry['reproduce']}"
    yield ""


def _rows(entry: LoadProfileSummary) -> Iterator[str]:
    worst = worst_stage(entry)
    if worst is None:
        yield _row(entry["verdict"], entry["id"], "-", "-", "-", "-", "-")
    else:
        figures = entry["windows"].get(worst["stage"])
        errors = figures["error_rate"] if figures else None
        yield _row(
            entry["verdict"],
            entry["id"],
            worst["stage"],
            rates(worst),
            f"{worst['requests_rate']:.0f}/s",
            "-" if errors is None else percent(errors),
            _milliseconds(figures["p95_ms"] if figures else None),
        )
    if entry["verdict"] == "SKIP":
        yield from (f"         {reason}" for reason in entry["reasons"])
    if entry["capacity"] is not None and entry["capacity"]["held_rate"] is not None:
        found = entry["capacity"]
        bound = f", bound by {found['bound']}" if found["bound"] else ""
        requests = f"{found['held_requests_rate']:.0f} requests/s"
        yield f"         capacity {found['held_rate']:.0f} arrivals/s ({requests}){bound}"
    if entry["recovery"] is not None and entry["recovery"]["seconds"] is not None:
        more = "> " if entry["recovery"]["censored"] else ""
        yield f"         recovery {more}{entry['recovery']['seconds']:.1f}s"


def _stage(stage: StageSummary, figures: WindowSummary | None) -> str:
    cores = ", ".join(f"{name} {used:.2f}" for name, used in sorted(stage["cores"].items(), key=lambda x: -x[1])[:5])
    errors = figures["error_rate"] if figures else None
    shown = [_milliseconds(figures[key] if figures else None) for key in ("p50_ms", "p95_ms", "p99_ms")]
    return (
        f"{stage['stage']:16} {rates(stage):>12} {stage['requests_rate']:>10.0f} "
        f"{'-' if errors is None else percent(errors):>8} {' '.join(f'{one:>8}' for one in shown)}  {cores}"
    )


def worst_stage(entry: LoadProfileSummary) -> StageSummary | None:
    """The judged stage with the highest p95; any stage where none was judged."""
    judged = {promise["promise"].partition(" ")[0].partition("/")[0] for promise in entry["promises"]}
    stages = [stage for stage in entry["stages"] if stage["stage"] in judged] or entry["stages"]
    return max(stages, key=lambda stage: _p95(entry["windows"].get(stage["stage"])), default=None)


def rates(stage: StageSummary) -> str:
    """`160`, `40..160`: arrivals per second."""
    start, end = f"{stage['from_rate']:.4g}", f"{stage['to_rate']:.4g}"
    return end if start == end else f"{start}..{end}"


def _p95(figures: WindowSummary | None) -> float:
    return (figures["p95_ms"] if figures else None) or 0.0


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def _row(*cells: str) -> str:
    verdict, name, stage, offered, requests, errors, p95 = cells
    return f"{verdict:8} {name:{NAME_WIDTH}} {stage:>16} {offered:>10} {requests:>10} {errors:>7} {p95:>7}".rstrip()
