"""A worker as the coordinator knows it: its share, its clock, and what it has told so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windtunnel.load.distributed.clock import RemoteClock
from windtunnel.load.distributed.result import WorkerRecord
from windtunnel.load.histogram import Histogram


class Member:
    """Takes the worker's messages; says whether it is ready, finished, silent."""

    def __init__(self, name: str, share: tuple[int, int], now: float) -> None:
        self.name, self.share, self.heard = name, share, now
        self.clock = RemoteClock()
        self.ready = self.exhausted = self.final = self.lost = False
        self.offered = self.sent = self.reports = 0
        self._late = Histogram()

    def __str__(self) -> str:
        return f"worker {self.name} (share {self.share[0] + 1} of {self.share[1]})"

    def take(self, report: Mapping[str, Any]) -> bool:
        """Note the counters of a report. False when one before it is missing."""
        self.offered, self.sent, self.exhausted = report["offered"], report["sent"], report["exhausted"]
        self._late = Histogram.from_plain(report["late"])
        self.final = report["final"]
        self.reports += 1
        return bool(report["number"] == self.reports)

    @property
    def record(self) -> WorkerRecord:
        """For the result."""
        return WorkerRecord(
            name=self.name,
            share=self.share,
            offered=self.offered,
            sent=self.sent,
            late=self._late,
            clock=self.clock.first if self.clock.measured else None,
            clock_at_end=self.clock.last if self.clock.measured else None,
        )
