"""What a fuzzed cell looks like in the Allure report: epic Fuzz, feature by service, story by edge."""

from __future__ import annotations

import json

import allure

from windtunnel.fuzz.cells import CellResult
from windtunnel.report.schema import FuzzCellSummary

EPIC = "Fuzz"
NO_EDGE = "nothing broken"
WHOLE = "the whole system"
SEVERAL = "several edges"


def describe_cell(title: str, operation: str, edge: str, fault: str) -> None:
    """Title and place. The fault is a tag, so that all that is black-holed can be seen together."""
    allure.dynamic.title(title)
    allure.dynamic.epic(EPIC)
    allure.dynamic.feature(operation.partition(":")[0] or WHOLE)
    allure.dynamic.story(edge or (NO_EDGE if operation else SEVERAL))
    allure.dynamic.tag(fault)


def show_cell(result: CellResult, entry: FuzzCellSummary, seed: int) -> None:
    """Attach what was sent, what came, and how to see each problem again."""
    kinds = allure.attachment_type
    # Not part of the test's identity, or each run would begin a new history.
    allure.dynamic.parameter("seed", seed, excluded=True)
    figures = {name: entry[name] for name in ("proof", "reached", "requests", "statuses", "followed")}
    allure.attach(json.dumps(figures, indent=2), name="what was sent, and what came", attachment_type=kinds.JSON)
    if result.story:
        allure.attach("\n".join(result.story), name="step by step", attachment_type=kinds.TEXT)
    for number, problem in enumerate(result.problems[:20], 1):
        lines = [problem.request, *problem.wrong, problem.answer, problem.curl]
        allure.attach("\n".join(lines), name=f"problem {number}: {problem.request}", attachment_type=kinds.TEXT)
