"""One experiment over many runs: since when it is as it is, and the strip of its last verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from windtunnel.report.changes import worst_by_item
from windtunnel.report.schema import SummaryDocument
from windtunnel.report.words import moment

STRIP: Final = 12
"""How many runs a strip shows at the most."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """The verdicts of one experiment, oldest run first, this run last; None where it did not run."""

    verdicts: tuple[str | None, ...]
    times: tuple[float | None, ...]
    commits: tuple[str, ...]

    @property
    def since(self) -> int:
        """How many runs in a row, this one included, it has had this verdict (runs without it are passed over)."""
        run = 0
        for verdict in reversed(self.verdicts):
            if verdict == self.verdicts[-1]:
                run += 1
            elif verdict is not None:
                break
        return run

    @property
    def began(self) -> int:
        """The index of the first run of that row."""
        same = [i for i, verdict in enumerate(self.verdicts) if verdict == self.verdicts[-1]]
        return same[-self.since]

    @property
    def words(self) -> str:
        """`new in this run`, or `since 2026-11-20 02:00 UTC (3 runs, commit 5947a3012ab4)`."""
        if all(verdict is None for verdict in self.verdicts[:-1]):
            return "first run known"
        if self.since == 1:
            last = next(verdict for verdict in reversed(self.verdicts[:-1]) if verdict is not None)
            return f"new in this run (was {last})"
        commit = f", commit {self.commits[self.began]}" if self.commits[self.began] else ""
        return f"since {moment(self.times[self.began])} ({self.since} runs{commit})"


def tracks(earlier: Sequence[SummaryDocument], now: SummaryDocument) -> dict[str, Track]:
    """The track of every experiment of this run, by item. `earlier` is in order of time."""
    runs = [*earlier, now]
    worst = [worst_by_item(run) for run in runs]
    times, commits = tuple(run["run"]["began_unix"] for run in runs), tuple(run["run"]["commit"] for run in runs)
    return {
        item: Track(
            verdicts=tuple(by_item[item]["verdict"] if item in by_item else None for by_item in worst),
            times=times,
            commits=commits,
        )
        for item in worst[-1]
    }
