"""What changed between two runs: verdicts, figures that moved beyond noise, experiments that came or went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from windtunnel.checks.figures import percent
from windtunnel.report.schema import ExperimentSummary, SummaryDocument
from windtunnel.report.words import VERDICTS_WORST_FIRST, duration, milliseconds

Kind = Literal["worse", "better", "figure", "new", "gone", "spec"]

SHARE_MOVED: Final = 0.1
"""A share counts as moved by ten points or more."""
TIMES_MOVED: Final = 1.5
RECOVERY_MOVED: Final = 1.0
"""A recovery counts as moved by a second or more, and by half or more."""
LATENCY_MOVED_MS: Final = 50.0


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that is not as it was."""

    item: str
    name: str
    """The experiment's id."""
    kind: Kind
    what: str
    """`verdict PASS -> FAIL`, `recovery 0.5 s -> 6.1 s`."""
    worse: bool = False


def worst_by_item(document: SummaryDocument) -> dict[str, ExperimentSummary]:
    """Each experiment once; of one that was repeated, the worst run."""
    worst: dict[str, ExperimentSummary] = {}
    for entry in document["experiments"]:
        known = worst.get(entry["item"])
        if known is None or _rank(entry) < _rank(known):
            worst[entry["item"]] = entry
    return worst


def changes(before: SummaryDocument, after: SummaryDocument) -> list[Change]:
    """Worst first: what got worse, what is gone, figures, what got better, what is new."""
    old, new = worst_by_item(before), worst_by_item(after)
    found = [change for item in old.keys() & new.keys() for change in _of_one(old[item], new[item])]
    found += [_change(old[item], "gone", f"no longer run; it was {old[item]['verdict']}", worse=True)
              for item in old.keys() - new.keys()]  # fmt: skip
    found += [_change(new[item], "new", f"new: {new[item]['verdict']}", worse=new[item]["verdict"] in ("FAIL", "ERROR"))
              for item in new.keys() - old.keys()]  # fmt: skip
    order = ("worse", "gone", "figure", "better", "new", "spec")
    return sorted(found, key=lambda change: (order.index(change.kind), change.item))


def _of_one(old: ExperimentSummary, new: ExperimentSummary) -> Iterator[Change]:
    if old["verdict"] != new["verdict"]:
        worse = _rank(new) < _rank(old)
        words = f"verdict {old['verdict']} -> {new['verdict']}"
        yield _change(new, "worse" if worse else "better", words, worse=worse)
    for text in (_recovery(old, new), *_windows(old, new)):
        if text:
            yield _change(new, "figure", text)
    if old["spec"]["sha256"] != new["spec"]["sha256"]:
        yield _change(new, "spec", "its file is another one, so figures may differ for that reason")


def _recovery(old: ExperimentSummary, new: ExperimentSummary) -> str:
    a, b = old["recovery"], new["recovery"]
    if a is None or b is None or a["seconds"] is None or b["seconds"] is None:
        return ""
    moved = abs(a["seconds"] - b["seconds"]) >= RECOVERY_MOVED and _times(a["seconds"], b["seconds"]) >= TIMES_MOVED
    return f"recovery {duration(a)} -> {duration(b)}" if moved or a["censored"] != b["censored"] else ""


def _windows(old: ExperimentSummary, new: ExperimentSummary) -> Iterator[str]:
    for name in (name for name in new["windows"] if name in old["windows"]):
        a, b = old["windows"][name], new["windows"][name]
        errors = (a["error_rate"], b["error_rate"])
        if errors[0] is not None and errors[1] is not None and abs(errors[0] - errors[1]) >= SHARE_MOVED:
            yield f"{name} errors {percent(errors[0])} -> {percent(errors[1])}"
        if a["p95_ms"] is not None and b["p95_ms"] is not None:
            apart, times = abs(a["p95_ms"] - b["p95_ms"]), _times(a["p95_ms"], b["p95_ms"])
            if apart >= LATENCY_MOVED_MS and times >= TIMES_MOVED:
                yield f"{name} p95 {milliseconds(a['p95_ms'])} -> {milliseconds(b['p95_ms'])}"


def _times(a: float, b: float) -> float:
    low, high = sorted((a, b))
    return high / low if low > 0 else float("inf")


def _change(entry: ExperimentSummary, kind: Kind, what: str, *, worse: bool = False) -> Change:
    return Change(item=entry["item"], name=entry["id"], kind=kind, what=what, worse=worse)


def _rank(entry: ExperimentSummary) -> int:
    return VERDICTS_WORST_FIRST.index(entry["verdict"])
