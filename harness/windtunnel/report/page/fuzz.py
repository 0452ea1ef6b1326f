"""Fuzzing on the page of a run: a row for each operation and edge, a column for each way in which it was broken."""

from __future__ import annotations

from collections.abc import Sequence

from windtunnel.report.fuzz_entry import of_kind
from windtunnel.report.html import Markup, el, join
from windtunnel.report.overall import STATES
from windtunnel.report.page.frame import badge, breakage, section, table
from windtunnel.report.schema import FuzzCellSummary, FuzzKind, FuzzSummary
from windtunnel.report.words import number

MOST_REASONS = 5
"""Of a broken cell; the Allure report has all of them."""


def fuzz_section(fuzz: FuzzSummary) -> Markup:
    """How much of the system was fuzzed, and how each cell went."""
    cells = of_kind(fuzz, "cell")
    whole = (
        f"{fuzz['cells_covered']} of {number(fuzz['cells'], 'cell')} decided, {fuzz['operations_covered']} of "
        f"{number(fuzz['operations'], 'documented operation')} covered, with {number(fuzz['cases'], 'request')}."
    )
    left_out = [el("li", f"left out: {name}: {why}") for name, why in fuzz["operations_left_out"].items()]
    return section(
        "fuzz",
        "Fuzzing",
        el("p", whole),
        _cells(cells) if cells else None,
        el("ul", *left_out) if left_out else None,
        _rows(fuzz, "found", "Found once, asked again"),
        _rows(fuzz, "chain", "Along links"),
        _rows(fuzz, "walk", "Walks, while faults come and go"),
    )


def _rows(fuzz: FuzzSummary, kind: FuzzKind, title: str) -> Markup | None:
    """A table of all of that kind; None where there are none."""
    lines = [[entry["id"], badge(STATES[entry["verdict"]])] for entry in of_kind(fuzz, kind)]
    return table((title, ""), lines) if lines else None


def broken_cell(cell: FuzzCellSummary) -> Markup:
    """One that was not as its document says, or whose outcome is unknown."""
    reasons = cell["reasons"][:MOST_REASONS]
    if len(cell["reasons"]) > MOST_REASONS:
        reasons.append(f"and {number(len(cell['reasons']) - MOST_REASONS, 'reason')} more")
    return breakage(STATES[cell["verdict"]], cell["id"], "fuzzed cell", reasons=reasons, again=cell["reproduce"])


def _cells(cells: Sequence[FuzzCellSummary]) -> Markup:
    faults = list(dict.fromkeys(cell["fault"] for cell in cells))
    rows = dict.fromkeys((cell["operation"], cell["edge"]) for cell in cells)
    by_place = {(cell["operation"], cell["edge"], cell["fault"]): cell for cell in cells}
    lines = [
        [operation, edge, *(_mark(by_place.get((operation, edge, fault))) for fault in faults)]
        for operation, edge in rows
    ]
    return table(("Operation", "Broken edge", *faults), lines, caption="Each cell: requests made from the document")


def _mark(cell: FuzzCellSummary | None) -> Markup:
    return join(badge(STATES[cell["verdict"]])) if cell else Markup("")
