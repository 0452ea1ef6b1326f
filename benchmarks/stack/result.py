"""What follows from the samples: medians, ratios to compose round by round, goals met or missed; as table and JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.stack.sample import Sample

READY_WITHIN, GONE_WITHIN = 15.0, 5.0
"""Seconds: our goals, once the images are there."""
COMPOSE = "compose"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One system: by case, one sample a round."""

    system: str
    services: int
    edges: int
    samples: Mapping[str, Sequence[Sample]]

    def data(self) -> dict[str, object]:
        """For the JSON."""
        return {
            "system": self.system,
            "services": self.services,
            "edges": self.edges,
            "cases": {name: self._case(name) for name in self.samples},
        }

    def lines(self) -> list[str]:
        """For the screen: one for each case."""
        return [self._line(name) for name in self.samples]

    def times(self, case: str, what: str) -> list[float]:
        """`start` or `stop`, seconds, one a round."""
        return [getattr(sample, what) for sample in self.samples[case]]

    def median(self, case: str, what: str) -> float:
        """Seconds."""
        return statistics.median(self.times(case, what))

    def ratio(self, case: str, what: str) -> float | None:
        """The median of the rounds' ratios to compose; None for itself, and where there is none."""
        if case == COMPOSE or COMPOSE not in self.samples:
            return None
        pairs = zip(self.times(case, what), self.times(COMPOSE, what), strict=True)
        return statistics.median(ours / theirs for ours, theirs in pairs)

    def met(self, case: str) -> bool | None:
        """Whether our goals are; None for the peer, for which we set none."""
        if case == COMPOSE:
            return None
        return self.median(case, "start") <= READY_WITHIN and self.median(case, "stop") <= GONE_WITHIN

    def _case(self, name: str) -> dict[str, object]:
        figures: dict[str, object] = {"met": self.met(name)}
        for what in ("start", "stop"):
            figures[what] = {
                "median": round(self.median(name, what), 3),
                "ratio": self.ratio(name, what),
                "rounds": [round(value, 3) for value in self.times(name, what)],
            }
        return figures

    def _line(self, name: str) -> str:
        what = f"{self.system}, {self.services} services, {self.edges} edges"
        body = f"{what:42}{name:9}"
        for figure in ("start", "stop"):
            times, ratio = self.times(name, figure), self.ratio(name, figure)
            spread = f"({min(times):.1f}-{max(times):.1f})"
            body += f"{self.median(name, figure):9.2f} {spread:13}{'' if ratio is None else f'{ratio:.2f}':>6}"
        return f"{body}  {({True: 'met', False: 'MISSED', None: ''})[self.met(name)]}".rstrip()


def heading() -> str:
    """Over all systems."""
    figures = "".join(f"{f'{what} s':>9} {'(range)':13}{'ratio':>6}" for what in ("start", "stop"))
    return f"{'':51}{figures}  goals ({READY_WITHIN:g} s, {GONE_WITHIN:g} s)"
