"""What is to be run: each operation healthy, and with each edge that it uses broken in each way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from windtunnel.fuzz.edge_table import EdgeTable
from windtunnel.fuzz.faults import FAULTS, HEALTHY, CellFault
from windtunnel.fuzz.operations import Operation
from windtunnel.fuzz.plan import Plan

Outcome = Literal["PASS", "FAIL", "ERROR", "SKIP"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One operation, healthy or with one edge broken in one way."""

    operation: Operation
    edge: str = ""
    fault: CellFault | None = None
    calls: tuple[str, ...] = ()
    """The kinds of calls on that edge that a valid request makes; empty where it is not HTTP."""

    @property
    def condition(self) -> str:
        """`healthy`, or `orders->payments black-holed`."""
        return f"{self.edge} {self.fault.word}" if self.fault else HEALTHY

    @property
    def id(self) -> str:
        """What pytest calls it: `orders: POST /orders [orders->payments black-holed]`."""
        return f"{self.operation.name} [{self.condition}]"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One answer that was not as it should be, and how to see it again."""

    request: str
    """`invalid-3`, `broken JSON`."""
    wrong: tuple[str, ...]
    curl: str
    answer: str
    """Status and the beginning of the body."""
    document: str = ""
    """The case as a file of `found/`; empty for what every run sends anyway."""


@dataclass(kw_only=True)
class CellResult:
    """What came of a cell. ERROR: what happened is unknown, or nothing that counts happened."""

    id: str
    problems: list[Problem] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    skipped: str = ""
    """What this system lacks, so that the cell could not be run."""
    dirty: bool = False
    """The system was not shown to be whole again: nothing else may run on it."""
    requests: dict[str, int] = field(default_factory=dict)
    """By kind: how many were sent and judged."""
    statuses: dict[str, int] = field(default_factory=dict)
    """How often each was answered; `none` when no answer came."""
    reached: int | None = None
    """Calls of valid requests that met the fault, by the edge record. None: healthy, or nobody can count it."""
    proof: str = ""
    """How the fault was shown to be in place, and to be met."""
    followed: dict[str, int] = field(default_factory=dict)
    """By link: how often it was followed."""
    story: list[str] = field(default_factory=list)
    """Of a walk: its steps, each with what came of it and a line of curl."""
    seconds: float = 0.0

    @property
    def outcome(self) -> Outcome:
        """What broke for certain is a FAIL, also when something else is unknown."""
        if self.problems or self.errors:
            return "FAIL" if self.problems else "ERROR"
        return "SKIP" if self.skipped else "PASS"


def cells_of(operations: tuple[Operation, ...], table: EdgeTable, plan: Plan) -> Iterator[Cell]:
    """Healthy first, since that is what the faulted ones are compared with."""
    for operation in operations:
        if operation.name in plan.leave_out:
            continue
        yield Cell(operation=operation)
        for edge, calls in table.of(operation).items():
            for fault in FAULTS.values():
                yield Cell(operation=operation, edge=edge, fault=fault, calls=calls)
