"""The run as Markdown, for a comment on a pull request: what broke, the matrix in short, what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from windtunnel.report.changes import Change
from windtunnel.report.gate import Gated
from windtunnel.report.load_terminal import worst_stage
from windtunnel.report.matrix import LOOKS, SCORE, Grid, Matrix, matrix_of, state_of
from windtunnel.report.overall import STATES, headline, totals
from windtunnel.report.promises import broken_promises, other_reasons
from windtunnel.report.schema import ExperimentSummary, FuzzCellSummary, LoadProfileSummary, SummaryDocument
from windtunnel.report.track import Track
from windtunnel.report.words import duration, fault_errors, milliseconds, number, share

LONGEST: Final = 60_000
"""Characters; GitHub refuses a comment of more than 65 536."""
MOST_CHANGES: Final = 15
MOST_REASONS: Final = 5
Entry = TypeVar("Entry", ExperimentSummary, LoadProfileSummary, FuzzCellSummary)


def comment(
    document: SummaryDocument,
    tracks: Mapping[str, Track],
    changes: Sequence[Change] | None,
    gates: Sequence[Gated] = (),
    url: str = "",
) -> str:
    """The comment. `url` is where the report can be read, if anywhere."""
    matrix = matrix_of(document)
    profiles, fuzz = document.get("load_profiles", []), document.get("fuzz")
    cells = fuzz["results"] if fuzz else []
    parts = [_headline(document, matrix, url), *(_broken(entry, tracks) for entry in _bad(document["experiments"]))]
    parts += [_broken_profile(entry) for entry in _bad(profiles)]
    parts += [_broken_cell(cell) for cell in _bad(cells)]
    parts += [_gates(gates), _short_matrix(matrix), _profiles(profiles), _changes(changes), _every(document)]
    text = "\n\n".join(part for part in parts if part) + "\n"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n\n... cut here; the report holds the rest.\n"


def _headline(document: SummaryDocument, matrix: Matrix, url: str) -> str:
    of = totals(document)
    mark = "❌" if of["FAIL"] else "❔" if of["ERROR"] or not of else "✅"
    link = f" [Read the report]({url})" if url else ""
    figures = f"score {share(matrix.score)}, coverage {share(matrix.coverage)}"
    return f"### {mark} Resilience: {headline(document)}\n\n{figures}.{link}"


def _bad(entries: Sequence[Entry]) -> list[Entry]:
    bad = [entry for entry in entries if entry["verdict"] in ("FAIL", "ERROR")]
    return sorted(bad, key=lambda entry: (entry["verdict"] != "FAIL", entry["item"]))


def _broken(entry: ExperimentSummary, tracks: Mapping[str, Track]) -> str:
    since = f" ({tracks[entry['item']].words})" if entry["item"] in tracks else ""
    return _broke(entry, f"{_text(entry['title'])}**{since}", _why(entry))


def _broken_profile(entry: LoadProfileSummary) -> str:
    return _broke(entry, f"load profile {entry['id']}: {_text(entry['title'])}**", _why(entry))


def _broken_cell(cell: FuzzCellSummary) -> str:
    return _broke(cell, f"{_text(cell['id'])}**", [_text(reason) for reason in cell["reasons"][:MOST_REASONS]])


def _why(entry: ExperimentSummary | LoadProfileSummary) -> list[str]:
    promised = [f"`{p['promise']}`: {_text(p['got'])}" for p in broken_promises(entry)]
    return promised + [_text(reason) for reason in other_reasons(entry)]


def _broke(entry: ExperimentSummary | LoadProfileSummary | FuzzCellSummary, title: str, reasons: Sequence[str]) -> str:
    lines = [f"- {reason}" for reason in reasons]
    return "\n".join([f"**{entry['verdict']}: {title}", "", *lines, "", "```", entry["reproduce"], "```"])


def _profiles(profiles: Sequence[LoadProfileSummary]) -> str:
    if not profiles:
        return ""
    rows = []
    for entry in profiles:
        look, worst = LOOKS[STATES[entry["verdict"]]], worst_stage(entry)
        figures = entry["windows"].get(worst["stage"]) if worst else None
        cells = (
            f"`{entry['id']}`",
            f"{look.symbol} {look.word}",
            f"{worst['requests_rate']:.0f}/s" if worst else "",
            share(figures["error_rate"] if figures else None),
            milliseconds(figures["p95_ms"] if figures else None),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(["| load profile | verdict | answered | errors | p95 |\n|---|---|---|---|---|", *rows])


def _gates(gates: Sequence[Gated]) -> str:
    return "\n".join(f"- {gated.line}" for gated in gates)


def _short_matrix(matrix: Matrix) -> str:
    """Only rows and columns in which something was tried."""
    tables = "\n\n".join(text for grid in matrix.grids if (text := _grid(grid)))
    return f"{tables}\n\n<sub>{SCORE}</sub>" if tables else ""


def _grid(grid: Grid) -> str:
    tried = [cell for cell in grid.cells.values() if cell.runs]
    faults = [fault for fault in grid.faults if any(cell.fault == fault for cell in tried)]
    targets = [target for target in grid.targets if any(cell.target == target for cell in tried)]
    if not tried:
        return ""
    lines = [f"| {grid.kind} | {' | '.join(faults)} |", f"|---|{'---|' * len(faults)}"]
    for target in targets:
        cells = []
        for fault in faults:
            cell = grid.cells[target, fault]
            look, shown = LOOKS[cell.state], cell.shown
            figures = f"<br>{share(fault_errors(shown))} errors, back in {duration(shown['recovery'])}" if shown else ""
            cells.append(f"{look.symbol} {look.word}{figures}" if shown else look.symbol)
        lines.append(f"| `{target}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _changes(changes: Sequence[Change] | None) -> str:
    if changes is None:
        return ""
    if not changes:
        return "Nothing changed since the last run, beyond noise."
    rest = len(changes) - MOST_CHANGES
    lines = [f"- {'**' if c.worse else ''}{c.name}: {c.what}{'**' if c.worse else ''}" for c in changes[:MOST_CHANGES]]
    more = [f"- and {number(rest, 'change')} more"] if rest > 0 else []
    return "\n".join(["Since the last run:", "", *lines, *more])


def _every(document: SummaryDocument) -> str:
    """All experiments, folded away."""
    if not document["experiments"]:
        return ""
    head = "| experiment | verdict | errors under fault | p95 under fault | recovery |\n|---|---|---|---|---|"
    rows = []
    for entry in document["experiments"]:
        fault, look = entry["windows"].get("fault"), LOOKS[state_of(entry)]
        p95 = milliseconds(fault["p95_ms"] if fault else None)
        cells = (f"`{entry['id']}`", f"{look.symbol} {look.word}", share(fault_errors(entry)), p95)
        rows.append(f"| {' | '.join([*cells, duration(entry['recovery'])])} |")
    return "\n".join(["<details><summary>Every experiment</summary>", "", head, *rows, "", "</details>"])


def _text(words: str) -> str:
    """On one line, and never markup: a title may hold `<`, `|` or `*`."""
    plain = " ".join(words.split())
    return "".join(f"\\{c}" if c in "\\`*_<>|[]#" else c for c in plain)
