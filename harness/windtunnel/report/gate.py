"""Quality gates over a run: `failed <= 0`, `score >= 10%`, `recovery <= 10s`. A figure that does not exist is unknown,
and unknown is never a pass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from windtunnel.checks.criterion import COMPARE
from windtunnel.checks.figures import percent
from windtunnel.errors import BadInputError
from windtunnel.report.changes import Change
from windtunnel.report.matrix import matrix_of
from windtunnel.report.schema import SummaryDocument
from windtunnel.spec.model import WINDOWS
from windtunnel.units import parse_count, parse_duration, parse_share

Unit = Literal["count", "share", "seconds"]
UNITS: Final[Mapping[str, Unit]] = {
    "failed": "count",
    "errors": "count",
    "worse": "count",
    "score": "share",
    "coverage": "share",
    "recovery": "seconds",
    **{f"p95.{window}": "seconds" for window in WINDOWS},
}
"""What can be asked: experiments, load profiles and fuzzed cells that failed, that ended in ERROR; experiments that are
worse than in the run before (or gone); the score and coverage of the matrix; the slowest recovery; the largest p95 of a
window among all experiments."""
NOTHING_BROKEN: Final = ("failed <= 0", "errors <= 0")
_SHAPE: Final = re.compile(r"\s*([\w.]+)\s*(<=|>=|<|>)\s*(.+?)\s*")
_PARSE: Final = {"count": parse_count, "share": parse_share, "seconds": parse_duration}


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One condition on a run."""

    metric: str
    op: str
    limit: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Gated:
    """What a gate said: `open`, `shut`, or `unknown`."""

    gate: Gate
    value: float | None

    @property
    def result(self) -> Literal["open", "shut", "unknown"]:
        if self.value is None:
            return "unknown"
        return "open" if COMPARE[self.gate.op](self.value, self.gate.limit) else "shut"

    @property
    def line(self) -> str:
        """`gate shut: recovery <= 5s: got 6.5s`."""
        return f"gate {self.result}: {self.gate.text}: {self._got}"

    @property
    def _got(self) -> str:
        if self.value is None:
            return "there is no such figure"
        shown = {"count": f"{self.value:.0f}", "share": percent(self.value), "seconds": f"{self.value:.3g}s"}
        return f"got {shown[UNITS[self.gate.metric]]}"


def parse_gate(text: str) -> Gate:
    """A gate as it is typed. Raises `BadInputError`."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise BadInputError(f"--gate {text!r} is no condition; write for instance 'failed <= 0' or 'score >= 10%'")
    metric, op, limit = match.groups()
    if metric not in UNITS:
        raise BadInputError(f"--gate {text!r}: unknown figure {metric!r}; known: {', '.join(UNITS)}")
    try:
        value = float(_PARSE[UNITS[metric]](limit))
    except ValueError as error:
        raise BadInputError(f"--gate {text!r}: {error}") from error
    return Gate(metric=metric, op=op, limit=value, text=" ".join(text.split()))


def check_gates(gates: Sequence[Gate], document: SummaryDocument, changes: Sequence[Change] | None) -> list[Gated]:
    """Every gate with its figure. `changes` None: there is no earlier run, so nothing can be worse."""
    figures = _figures(document, changes)
    return [Gated(gate=gate, value=figures[gate.metric]) for gate in gates]


def _figures(document: SummaryDocument, changes: Sequence[Change] | None) -> dict[str, float | None]:
    entries, matrix = document["experiments"], matrix_of(document)
    cells = document["fuzz"]["results"] if "fuzz" in document else []
    verdicts = [entry["verdict"] for entry in (*entries, *document.get("load_profiles", ()), *cells)]
    recoveries = [entry["recovery"] for entry in entries if entry["recovery"]]
    seconds = [figure["seconds"] for figure in recoveries if figure["seconds"] is not None]
    p95 = {
        f"p95.{window}": max((p95 / 1000 for entry in entries if window in entry["windows"]
                              and (p95 := entry["windows"][window]["p95_ms"]) is not None), default=None)
        for window in WINDOWS
    }  # fmt: skip
    return {
        "failed": float(verdicts.count("FAIL")) if verdicts else None,
        "errors": float(verdicts.count("ERROR")) if verdicts else None,
        "worse": float(len({change.item for change in changes or () if change.worse})),
        "score": matrix.score,
        "coverage": matrix.coverage,
        # Watched for so long and not recovered: the true figure is larger, whatever the limit.
        "recovery": float("inf") if any(f["censored"] for f in recoveries) else max(seconds, default=None),
        **p95,
    }
