"""The matrix as tables: one for edges, one for services. On a phone each row becomes a short list."""

from __future__ import annotations

from windtunnel.report.html import Markup, el, join
from windtunnel.report.matrix import LOOKS, Cell, Grid, Matrix
from windtunnel.report.stored import page_name
from windtunnel.report.words import duration, fault_errors, number, share

CAPTIONS = {"edge": "Edges: calls from one service to another", "service": "Services"}


def grids(matrix: Matrix) -> Markup:
    """Every grid that has rows."""
    return join(*(_grid(grid) for grid in matrix.grids if grid.targets))


def _grid(grid: Grid) -> Markup:
    head = el("tr", el("th", grid.kind.capitalize(), scope="col"), *(el("th", f, scope="col") for f in grid.faults))
    rows = [el("tr", el("th", target, scope="row"), *map(_cell, grid.row(target)), _rest(grid, target))
            for target in grid.targets]  # fmt: skip
    whole = el("table", el("caption", CAPTIONS[grid.kind]), el("thead", head), el("tbody", *rows), class_="matrix")
    return el("div", whole, class_="scroll", tabindex="0", role="group", aria_label=CAPTIONS[grid.kind])


def _cell(cell: Cell) -> Markup:
    look, shown = LOOKS[cell.state], cell.shown
    if shown is None:
        mark = el("span", look.symbol, aria_hidden="true")
        return el("td", mark, el("span", look.word, class_="unseen"), class_="untested", title=look.word)
    # A spoken name of its own: on a phone the column's head is not there to say which fault it was.
    said = f"{cell.fault} on {cell.target}: {look.word}, {_errors(cell)}, {_recovery(cell)}"
    link = el(
        "a",
        el("b", el("span", look.symbol, class_="symbol", aria_hidden="true"), f" {look.word}"),
        el("span", _errors(cell), class_="got"),
        el("span", _recovery(cell), class_="got"),
        el("span", f"worst of {number(len(cell.runs), 'run')}", class_="got") if len(cell.runs) > 1 else None,
        href=page_name(shown), aria_label=said, data_fault=cell.fault, title=shown["title"],
    )  # fmt: skip
    return el("td", link, class_=cell.state)


def _errors(cell: Cell) -> str:
    rate = fault_errors(cell.shown) if cell.shown else None
    return "no figures" if rate is None else f"{share(rate)} errors"


def _recovery(cell: Cell) -> str:
    figure = cell.shown["recovery"] if cell.shown else None
    known = figure is not None and figure["seconds"] is not None
    return f"back in {duration(figure)}" if known else "no recovery figure"


def _rest(grid: Grid, target: str) -> Markup | None:
    """What a phone shows in place of the empty cells."""
    untested = [cell.fault for cell in grid.row(target) if cell.state == "untested"]
    return el("td", f"never tested: {', '.join(untested)}", class_="rest") if untested else None
