"""What `summary.json` says of fuzzing: an entry for each cell, and how much of the system they cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from windtunnel.fuzz.cells import CellResult, Problem
from windtunnel.report.schema import FuzzCellSummary, FuzzKind, FuzzProblemSummary, FuzzSummary

KNOWN = ("PASS", "FAIL")
"""Verdicts with which something was learnt."""


class Whole(TypedDict):
    """What the cells of one run are a share of."""

    operations: int
    left_out: dict[str, str]
    cells: int
    links: int


class FuzzPart(TypedDict):
    """What a worker leaves of one cell."""

    item: str
    number: int
    """Its place in the order in which cells are collected."""
    whole: Whole
    result: FuzzCellSummary


def fuzz_entry(  # noqa: PLR0917 - what was run, what came of it, and where
    item: str,
    place: tuple[str, str, str],
    kind: FuzzKind,
    result: CellResult,
    reproduce: str,
    run: Mapping[str, str | int | float],
) -> FuzzCellSummary:
    """`place` is operation, edge and fault."""
    operation, edge, fault = place
    return FuzzCellSummary(
        id=result.id,
        item=item,
        kind=kind,
        operation=operation,
        edge=edge,
        fault=fault,
        found=kind == "found",
        verdict=result.outcome,
        reasons=[*(line for problem in kinds(result.problems) for line in problem.wrong), *result.errors]
        or ([result.skipped] if result.skipped else []),
        problems=[
            FuzzProblemSummary(request=one.request, wrong=list(one.wrong), answer=one.answer, curl=one.curl)
            for one in kinds(result.problems)
        ],
        requests=dict(sorted(result.requests.items())),
        statuses=dict(sorted(result.statuses.items())),
        reached=result.reached,
        proof=result.proof,
        followed=dict(sorted(result.followed.items())),
        story=list(result.story),
        reproduce=reproduce,
        run={**run, "seconds": round(result.seconds, 3)},
    )


def kinds(problems: Iterable[Problem]) -> list[Problem]:
    """The first of each kind: of those about which the same is said."""
    first: dict[tuple[str, ...], Problem] = {}
    for problem in problems:
        first.setdefault(problem.wrong, problem)
    return list(first.values())


def of_kind(fuzz: FuzzSummary, kind: FuzzKind) -> list[FuzzCellSummary]:
    """The entries of that kind. Of a summary written before there were kinds, cells and found cases."""
    return [r for r in fuzz["results"] if r.get("kind", "found" if r["found"] else "cell") == kind]


def fuzz_summary(parts: Sequence[FuzzPart]) -> FuzzSummary | None:
    """All parts of a run together; None when there are none."""
    if not parts:
        return None
    results = [part["result"] for part in sorted(parts, key=lambda part: part["number"])]
    cells = [result for result in results if result["kind"] == "cell"]
    known = [cell for cell in cells if cell["verdict"] in KNOWN]
    # A worker that died knows nothing of the whole.
    whole = max((part["whole"] for part in parts), key=lambda whole: whole["cells"])
    return FuzzSummary(
        operations=whole["operations"],
        operations_covered=len({cell["operation"] for cell in known}),
        operations_left_out=whole["left_out"],
        cells=whole["cells"],
        cells_covered=len({cell["id"] for cell in known}),
        links=whole["links"],
        links_followed=len({link for result in results for link in result["followed"]}),
        cases=sum(count for result in results for count in result["requests"].values()),
        totals=dict(sorted(Counter(result["verdict"] for result in results).items())),
        results=results,
    )
