"""Fuzzing in the terminal: what broke, then a row for each operation and edge, a column for each fault.

fuzzing: 92 of 92 cells, 42 of 42 operations, 3120 requests: 91 PASS, 1 FAIL
  orders: POST /orders                    healthy      ok
    orders->payments                      refused ok, black-holed FAIL, slow ok, answer-lost ok, truncated ok
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from windtunnel.report.fuzz_entry import of_kind
from windtunnel.report.schema import FuzzCellSummary, FuzzSummary
from windtunnel.report.words import VERDICTS_WORST_FIRST as WORST_FIRST
from windtunnel.report.words import number

WIDTH: Final = 100
NAME_WIDTH: Final = 44
HEALTHY: Final = "healthy"


def fuzz_lines(fuzz: FuzzSummary) -> list[str]:
    """What broke first, then the table, then found cases."""
    broken = [result for result in fuzz["results"] if result["verdict"] in ("FAIL", "ERROR")]
    totals = ", ".join(f"{count} {word}" for word in WORST_FIRST if (count := fuzz["totals"].get(word)))
    cells, found = of_kind(fuzz, "cell"), of_kind(fuzz, "found")
    head = (
        f"fuzzing: {fuzz['cells_covered']} of {number(fuzz['cells'], 'cell')}, {fuzz['operations_covered']} of "
        f"{number(fuzz['operations'], 'operation')}, {number(fuzz['cases'], 'request')}: {totals}"
    )
    return [
        *(line for result in broken for line in _broken(result)),
        head,
        *_table(cells),
        *(f"  {_row(result['id'], _word(result))}" for result in found),
        *_sequences(fuzz),
        *(f"  left out: {operation}: {reason}" for operation, reason in fuzz["operations_left_out"].items()),
    ]


def _broken(result: FuzzCellSummary) -> Iterator[str]:
    yield f"{result['verdict']}: {result['id']}"
    for reason in result["reasons"][:3]:
        yield from textwrap.wrap(reason, WIDTH, initial_indent="  ", subsequent_indent="    ")
    if len(result["reasons"]) > 3:
        yield f"  and {number(len(result['reasons']) - 3, 'reason')} more"
    yield f"  reproduce: {result['reproduce']}"
    yield ""


def _table(cells: Sequence[FuzzCellSummary]) -> Iterator[str]:
    """Operations without an edge are one row for each service."""
    edges = {cell["operation"] for cell in cells if cell["edge"]}
    alone: dict[str, list[FuzzCellSummary]] = {}
    for operation in dict.fromkeys(cell["operation"] for cell in cells):
        own = [cell for cell in cells if cell["operation"] == operation]
        if operation not in edges:
            alone.setdefault(operation.partition(":")[0], []).extend(own)
            continue
        yield f"  {_row(operation, _conditions([c for c in own if not c['edge']]))}"
        for edge in dict.fromkeys(cell["edge"] for cell in own if cell["edge"]):
            yield f"    {_row(edge, _conditions([c for c in own if c['edge'] == edge]), NAME_WIDTH - 2)}"
    for service, own in alone.items():
        good = sum(cell["verdict"] == "PASS" for cell in own)
        name = f"{service}: {number(len(own), 'operation')} alone"
        yield f"  {_row(name, f'{HEALTHY} {good} of {len(own)} ok')}"


def _sequences(fuzz: FuzzSummary) -> Iterator[str]:
    """Chains are one row, walks a row each."""
    if chains := of_kind(fuzz, "chain"):
        good = sum(chain["verdict"] == "PASS" for chain in chains)
        words = f"{good} of {len(chains)} ok, {fuzz['links_followed']} of {number(fuzz['links'], 'link')} followed"
        yield f"  {_row('chains', words)}"
    for walk in of_kind(fuzz, "walk"):
        yield f"  {_row(walk['id'], _word(walk))}" + (f": {walk['proof']}" if walk["verdict"] == "PASS" else "")


def _conditions(cells: Sequence[FuzzCellSummary]) -> str:
    return ", ".join(f"{cell['fault']} {_word(cell)}" for cell in cells)


def _word(cell: FuzzCellSummary) -> str:
    return "ok" if cell["verdict"] == "PASS" else cell["verdict"]


def _row(name: str, words: str, width: int = NAME_WIDTH) -> str:
    return f"{name:{width}} {words}".rstrip()
