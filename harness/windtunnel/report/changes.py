"""What changed between two runs: verdicts, figures that moved beyond noise, experiments, load profiles and fuzzed
cells that came or went."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from windtunnel.checks.figures import percent
from windtunnel.report.overall import verdicts
from windtunnel.report.schema import (
    CapacitySummary,
    ExperimentSummary,
    FuzzCellSummary,
    LoadProfileSummary,
    RecoverySummary,
    SummaryDocument,
    WindowSummary,
)
from windtunnel.report.words import VERDICTS_WORST_FIRST, duration, milliseconds

Kind = Literal["worse", "better", "figure", "new", "gone", "spec"]
Entry = ExperimentSummary | LoadProfileSummary | FuzzCellSummary
Some = TypeVar("Some", ExperimentSummary, LoadProfileSummary, FuzzCellSummary)

SHARE_MOVED: Final = 0.1
"""A share counts as moved by ten points or more."""
TIMES_MOVED: Final = 1.5
RECOVERY_MOVED: Final = 1.0
"""A recovery counts as moved by a second or more, and by half or more."""
LATENCY_MOVED_MS: Final = 50.0
CAPACITY_MOVED: Final = 1.25
"""A capacity counts as moved by a quarter or more: a search goes up in steps."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that is not as it was."""

    item: str
    name: str
    """The id of the experiment or load profile; the fuzzed operation and what was broken."""
    kind: Kind
    what: str
    """`verdict PASS -> FAIL`, `recovery 0.5 s -> 6.1 s`."""
    worse: bool = False


def worst_by_item(document: SummaryDocument) -> dict[str, ExperimentSummary]:
    """Each experiment once; of one that was repeated, the worst run."""
    return _worst(document["experiments"])


def compared(before: SummaryDocument, after: SummaryDocument) -> set[str]:
    """The kinds (`experiment`, `load profile`, `fuzzed cell`) that both runs have: a run of load profiles alone does
    not say that the experiments are gone."""
    return set(verdicts(before)) & set(verdicts(after))


def changes(before: SummaryDocument, after: SummaryDocument) -> list[Change]:
    """Worst first: what got worse, what is gone, figures, what got better, what is new."""
    both = compared(before, after)
    found: list[Change] = []
    if "experiment" in both:
        found += _between(before["experiments"], after["experiments"], _of_experiment)
    if "load profile" in both:
        found += _between(before["load_profiles"], after["load_profiles"], _of_profile)
    if "fuzzed cell" in both:
        found += _between(before["fuzz"]["results"], after["fuzz"]["results"], lambda _, __: iter(()))
    order = ("worse", "gone", "figure", "better", "new", "spec")
    return sorted(found, key=lambda change: (order.index(change.kind), change.item))


def _worst(entries: list[Some]) -> dict[str, Some]:
    worst: dict[str, Some] = {}
    for entry in entries:
        known = worst.get(entry["item"])
        if known is None or _rank(entry) < _rank(known):
            worst[entry["item"]] = entry
    return worst


def _between(
    before: list[Some], after: list[Some], figures: Callable[[Some, Some], Iterator[tuple[Kind, str]]]
) -> Iterator[Change]:
    """All changes of one kind of thing; `figures` tells what moved in one that both runs have."""
    old, new = _worst(before), _worst(after)
    for item in old.keys() & new.keys():
        yield from _verdict(old[item], new[item])
        for kind, text in figures(old[item], new[item]):
            yield _change(new[item], kind, text)
    for item in old.keys() - new.keys():
        yield _change(old[item], "gone", f"no longer run; it was {old[item]['verdict']}", worse=True)
    for item in new.keys() - old.keys():
        yield _change(new[item], "new", f"new: {new[item]['verdict']}", worse=new[item]["verdict"] in ("FAIL", "ERROR"))


def _verdict(old: Entry, new: Entry) -> Iterator[Change]:
    if old["verdict"] != new["verdict"]:
        worse = _rank(new) < _rank(old)
        words = f"verdict {old['verdict']} -> {new['verdict']}"
        yield _change(new, "worse" if worse else "better", words, worse=worse)


def _of_experiment(old: ExperimentSummary, new: ExperimentSummary) -> Iterator[tuple[Kind, str]]:
    yield from _recovery(old["recovery"], new["recovery"])
    yield from _windows(old["windows"], new["windows"])
    yield from _spec(old["spec"], new["spec"])


def _of_profile(old: LoadProfileSummary, new: LoadProfileSummary) -> Iterator[tuple[Kind, str]]:
    yield from _capacity(old["capacity"], new["capacity"])
    yield from _recovery(old["recovery"], new["recovery"])
    yield from _windows(old["windows"], new["windows"])
    yield from _spec(old["spec"], new["spec"])


def _spec(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[Kind, str]]:
    if old["sha256"] != new["sha256"]:
        yield "spec", "its file is another one, so figures may differ for that reason"


def _capacity(a: CapacitySummary | None, b: CapacitySummary | None) -> Iterator[tuple[Kind, str]]:
    if a is None or b is None or a["held_rate"] is None or b["held_rate"] is None:
        return
    if _times(a["held_rate"], b["held_rate"]) >= CAPACITY_MOVED:
        yield "figure", f"capacity {a['held_rate']:g}/s -> {b['held_rate']:g}/s"


def _recovery(a: RecoverySummary | None, b: RecoverySummary | None) -> Iterator[tuple[Kind, str]]:
    if a is None or b is None or a["seconds"] is None or b["seconds"] is None:
        return
    moved = abs(a["seconds"] - b["seconds"]) >= RECOVERY_MOVED and _times(a["seconds"], b["seconds"]) >= TIMES_MOVED
    if moved or a["censored"] != b["censored"]:
        yield "figure", f"recovery {duration(a)} -> {duration(b)}"


def _windows(old: Mapping[str, WindowSummary], new: Mapping[str, WindowSummary]) -> Iterator[tuple[Kind, str]]:
    for name in (name for name in new if name in old):
        a, b = old[name], new[name]
        errors = (a["error_rate"], b["error_rate"])
        if errors[0] is not None and errors[1] is not None and abs(errors[0] - errors[1]) >= SHARE_MOVED:
            yield "figure", f"{name} errors {percent(errors[0])} -> {percent(errors[1])}"
        if a["p95_ms"] is not None and b["p95_ms"] is not None:
            apart, times = abs(a["p95_ms"] - b["p95_ms"]), _times(a["p95_ms"], b["p95_ms"])
            if apart >= LATENCY_MOVED_MS and times >= TIMES_MOVED:
                yield "figure", f"{name} p95 {milliseconds(a['p95_ms'])} -> {milliseconds(b['p95_ms'])}"


def _times(a: float, b: float) -> float:
    low, high = sorted((a, b))
    return high / low if low > 0 else float("inf")


def _change(entry: Entry, kind: Kind, what: str, *, worse: bool = False) -> Change:
    return Change(item=entry["item"], name=entry["id"], kind=kind, what=what, worse=worse)


def _rank(entry: Entry) -> int:
    return VERDICTS_WORST_FIRST.index(entry["verdict"])
