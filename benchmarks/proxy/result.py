"""A figure for each target and round; what follows from it: medians, ratios to Toxiproxy, goals met or missed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.proxy.targets import IN_THREAD, OURS, TOXIPROXY

Values = dict[str, list[float]]
"""By target: one figure a round."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What our figure is to be: as a multiple of Toxiproxy's in the same round, or as it stands."""

    least: float | None = None
    most: float | None = None
    ratio: bool = True

    def text(self) -> str:
        what = " of Toxiproxy's" if self.ratio else ""
        bounds = [f"{word} {bound:g}" for word, bound in (("≥", self.least), ("≤", self.most)) if bound is not None]
        return " and ".join(bounds) + what

    def met(self, figure: float) -> bool:
        return (self.least is None or figure >= self.least) and (self.most is None or figure <= self.most)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    case: str
    unit: str
    values: Values
    goal: Goal | None = None
    digits: int = 0
    printed: bool = True

    def data(self) -> dict[str, object]:
        """For the JSON."""
        body: dict[str, object] = {
            "case": self.case,
            "unit": self.unit,
            "figures": {name: _spread(values) | {"rounds": values} for name, values in self.values.items()},
        }
        if self.compared:
            body["ratios"] = {name: _spread(self.ratios(name)) for name in self.ours()}
        if self.goal is not None:
            body["goal"] = self.goal.text()
            body["met"] = {name: verdict for name in self.ours() if (verdict := self.met(name)) is not None}
        return body

    @property
    def compared(self) -> bool:
        """Whether a ratio to Toxiproxy says anything."""
        return TOXIPROXY in self.values and (self.goal is None or self.goal.ratio)

    def ours(self) -> list[str]:
        return [name for name in (OURS, IN_THREAD) if name in self.values]

    def ratios(self, name: str) -> list[float]:
        """To Toxiproxy, round by round: what disturbed both is in neither."""
        pairs = zip(self.values[name], self.values.get(TOXIPROXY, ()), strict=False)
        return [ours / theirs for ours, theirs in pairs if theirs]

    def met(self, name: str) -> bool | None:
        """Whether the goal is met; None without a goal, or without a Toxiproxy to compare with."""
        figures = self.ratios(name) if self.goal and self.goal.ratio else self.values[name]
        return self.goal.met(statistics.median(figures)) if self.goal and figures else None

    def line(self, columns: Sequence[str]) -> str:
        cells = [f"{statistics.median(self.values[n]):.{self.digits}f}" if n in self.values else "-" for n in columns]
        ratios = [_ratio(self.ratios(name)) if self.compared else "" for name in (OURS, IN_THREAD)]
        verdicts = [self.met(name) for name in self.ours()]
        verdict = "" if self.goal is None or None in verdicts else "met" if all(verdicts) else "MISSED"
        body = f"  {self.case:41}{self.unit:>5}" + "".join(f"{cell:>13}" for cell in cells)
        body += "".join(f"{ratio:>20}" for ratio in ratios)
        return f"{body}  {self.goal.text() if self.goal else '':26}{verdict}".rstrip()


@dataclass(frozen=True)
class Table:
    """One measurement: its title, how it was done, its rows."""

    name: str
    title: str
    rows: list[Row]

    def show(self, columns: Sequence[str]) -> None:
        """On the screen."""
        print(f"\n{self.title}", flush=True)
        for row in self.rows:
            if row.printed:
                print(row.line(columns), flush=True)


def heading(columns: Sequence[str]) -> str:
    """Over all tables."""
    names = "".join(f"{name:>13}" for name in columns)
    return f"{'':48}{names}{'windtunnel ratio':>20}{'in a thread ratio':>20}  goal"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"median": statistics.median(values), "q1": percentile(values, 0.25), "q3": percentile(values, 0.75)}


def _ratio(values: Sequence[float]) -> str:
    if not values:
        return ""
    spread = _spread(values)
    return f"{spread['median']:.2f} ({spread['q1']:.2f}-{spread['q3']:.2f})"
