"""What a whole run came to: its experiments, load profiles and fuzzed cells together, so that none is overlooked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from windtunnel.report.matrix import State
from windtunnel.report.schema import SummaryDocument
from windtunnel.report.words import number

STATES: Final[Mapping[str, State]] = {
    "PASS": "passed", "FAIL": "failed", "ERROR": "error", "XFAIL": "weakness", "SKIP": "skipped",
}  # fmt: skip
"""How a verdict is shown where nothing more is known."""


def verdicts(document: SummaryDocument) -> dict[str, Counter[str]]:
    """By kind, in the singular: how often each verdict was reached. Without the kinds of which there is nothing."""
    kinds = {
        "experiment": [entry["verdict"] for entry in document["experiments"]],
        "load profile": [entry["verdict"] for entry in document.get("load_profiles", ())],
        "fuzzed cell": [cell["verdict"] for cell in document["fuzz"]["results"]] if "fuzz" in document else [],
    }
    return {kind: Counter(found) for kind, found in kinds.items() if found}


def totals(document: SummaryDocument) -> Counter[str]:
    """How often each verdict was reached, whatever it was about."""
    return sum(verdicts(document).values(), Counter())


def counted(document: SummaryDocument) -> str:
    """`11 experiments, 4 load profiles and 92 fuzzed cells`."""
    parts = [number(found.total(), kind) for kind, found in verdicts(document).items()]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or "nothing"


def headline(document: SummaryDocument) -> str:
    """`1 failed, 1 unknown of 11 experiments`; `all 4 load profiles held`."""
    of, what = totals(document), counted(document)
    bad = [f"{of[verdict]} {word}" for verdict, word in (("FAIL", "failed"), ("ERROR", "unknown")) if of[verdict]]
    if bad:
        return f"{', '.join(bad)} of {what}"
    if not of:
        return "nothing was tested"
    if of["PASS"] == of.total():
        return f"all {what} held" if of.total() > 1 else f"{what} held"
    one_kind = len(verdicts(document)) == 1
    return f"{of['PASS']} of {what} held" if one_kind else f"{of['PASS']} of {of.total()} held ({what})"
