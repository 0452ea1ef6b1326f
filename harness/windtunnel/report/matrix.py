"""The resilience matrix: what was tried on each edge and service, how it went, and what nobody has tried yet.

Pure functions of `summary.json`: every figure in a cell is one of its figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from windtunnel.report.schema import ExperimentSummary, SummaryDocument
from windtunnel.topology.instances import edge_of
from windtunnel.topology.model import CLIENT

State = Literal["failed", "error", "weakness", "degraded", "passed", "skipped", "untested"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a state is shown: never by its colour alone."""

    symbol: str
    word: str
    meaning: str


LOOKS: Final[Mapping[State, Look]] = {
    "failed": Look(symbol="✕", word="failed", meaning="a promise broke"),
    "error": Look(symbol="?", word="error", meaning="what happened is unknown, which is never a pass"),
    "weakness": Look(symbol="≈", word="known weakness", meaning="the promise broke that is known to break"),
    "degraded": Look(symbol="◐", word="degraded", meaning="every promise held; users saw what is declared"),
    "passed": Look(symbol="✓", word="passed", meaning="every promise held, and no answer was a declared degradation"),
    "skipped": Look(symbol="\u2013", word="skipped", meaning="this backend cannot do it"),
    "untested": Look(symbol="·", word="never tested", meaning="no experiment tries it"),
}
"""By state, worst first."""
WORST_FIRST: Final = tuple(LOOKS)
HELD: Final = ("degraded", "passed")
DECIDED: Final = ("failed", "weakness", "degraded", "passed")
KINDS: Final = ("edge", "service")
ONE: Final = " (one instance)"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One fault on one edge or service, and every run of an experiment that tried it; the worst of them counts."""

    target: str
    fault: str
    runs: tuple[ExperimentSummary, ...] = ()

    @property
    def state(self) -> State:
        return min((state_of(run) for run in self.runs), key=WORST_FIRST.index, default="untested")

    @property
    def shown(self) -> ExperimentSummary | None:
        """The run whose figures the cell shows: the first of the worst."""
        return next((run for run in self.runs if state_of(run) == self.state), None)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The cells of one kind of target: what edges bear, or what services bear."""

    kind: str
    targets: tuple[str, ...]
    faults: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]

    def row(self, target: str) -> list[Cell]:
        return [self.cells[target, fault] for fault in self.faults]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Both grids, and what they come to."""

    grids: tuple[Grid, ...]

    @property
    def cells(self) -> list[Cell]:
        return [cell for grid in self.grids for cell in grid.cells.values()]

    def count(self, *states: str) -> int:
        return sum(cell.state in states for cell in self.cells)

    @property
    def decided(self) -> int:
        return self.count(*DECIDED)

    @property
    def held(self) -> int:
        return self.count(*HELD)

    @property
    def coverage(self) -> float | None:
        """Share of all cells in which an experiment came to a decision; None when there is no cell."""
        return self.decided / len(self.cells) if self.cells else None

    @property
    def score(self) -> float | None:
        """Share of all cells, tried or not, that held."""
        return self.held / len(self.cells) if self.cells else None


SCORE: Final = (
    "The score is the share of all combinations of an edge or service with a fault that can be put on it which were"
    " tried and held (passed, or degraded as declared); one that was never tested counts as 0."
)
COVERAGE: Final = "Coverage is the share of the same combinations that an experiment decided, whichever way."


def state_of(run: ExperimentSummary) -> State:
    """What one run says of the cells that it tried."""
    known: dict[str, State] = {"FAIL": "failed", "ERROR": "error", "XFAIL": "weakness", "SKIP": "skipped"}
    if run["verdict"] in known:
        return known[run["verdict"]]
    fault = run["windows"].get("fault")
    return "degraded" if fault and fault["degraded_rate"] else "passed"


def matrix_of(document: SummaryDocument) -> Matrix:
    """Every cell of the run's system, in the order of its topology."""
    return Matrix(grids=tuple(_grid(kind, document) for kind in KINDS))


def row_of(target: str) -> str:
    """Which row a target belongs to: instances of a service are alike, so whichever of them was broken."""
    whole = edge_of(target)
    return target if whole == target else f"{whole}{ONE}"


def rows_of(known: Iterable[str], replicas: Mapping[str, int]) -> list[str]:
    """A row for each edge or service, and a second one where one instance of several can be lost."""
    rows: list[str] = []
    for name in known:
        source, _, callee = name.rpartition("->")
        several = source != CLIENT and (callee in replicas or source in replicas)
        rows += [name, f"{name}{ONE}"] if several else [name]
    return rows


def _grid(kind: str, document: SummaryDocument) -> Grid:
    system, tried = document["system"], _tried(kind, document["experiments"])
    known = rows_of(system["edges"] if kind == "edge" else system["services"], system.get("replicas", {}))
    targets = tuple(dict.fromkeys([*known, *(target for target, _ in tried)]))
    seen = sorted({fault for _, fault in tried})  # what was tried comes first: the rest is empty columns
    faults = tuple(dict.fromkeys([*seen, *(name for name, on in system["faults"].items() if on == kind)]))
    cells = {
        (target, fault): Cell(target=target, fault=fault, runs=tuple(tried.get((target, fault), ())))
        for target in targets
        for fault in faults
    }
    return Grid(kind=kind, targets=targets, faults=faults, cells=cells)


def _tried(kind: str, experiments: Iterable[ExperimentSummary]) -> dict[tuple[str, str], list[ExperimentSummary]]:
    tried: dict[tuple[str, str], list[ExperimentSummary]] = {}
    for experiment in experiments:
        for step in experiment["faults"]:
            on = step["edges"] if kind == "edge" else [step["service"]] if step["service"] else []
            for target in on:
                runs = tried.setdefault((row_of(target), step["kind"]), [])
                if experiment not in runs:
                    runs.append(experiment)
    return tried
