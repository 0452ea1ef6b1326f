"""What came of a run of load on all its workers together, whether it can be believed, and what the judge says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from windtunnel.checks.figures import milliseconds, percent
from windtunnel.checks.generator import LATE_AT_MOST, OWN_TROUBLE, SENT_AT_LEAST
from windtunnel.history import LATE
from windtunnel.load.distributed.clock import Offset
from windtunnel.load.histogram import Histogram
from windtunnel.load.tally import RouteTally, Tally

FORMAT: Final = "windtunnel-load/v1"
BETWEEN: Final = 2
"""Arrivals that a stop may catch between being due and being sent, in however short a run."""
CLOCKS_APART_AT_MOST: Final = 0.1
"""Seconds of doubt about a worker's clock beyond which the shares do not interleave as the plan says."""


@dataclass(frozen=True, kw_only=True)
class WorkerRecord:
    """One worker's part."""

    name: str
    share: tuple[int, int]
    """(k, n): it had the arrivals whose ordinal leaves k when divided by n."""
    offered: int
    """Arrivals of its share that were due."""
    sent: int
    """Arrivals that it started."""
    late: Histogram
    """Seconds between due and sent, of each request."""
    clock: Offset | None
    """Its clock against the master's at the start; None when it was never measured."""
    clock_at_end: Offset | None

    @property
    def doubts(self) -> list[str]:
        """Why this part was not the load that was asked for."""
        found, who = [], f"worker {self.name}"
        if self.offered - self.sent > max((1 - SENT_AT_LEAST) * self.offered, BETWEEN):
            found.append(f"{who} sent only {percent(self.sent / self.offered)} of its {self.offered} arrivals")
        if (behind := self.late.quantile(0.99)) > LATE_AT_MOST:
            found.append(f"{who} ran late: p99 {milliseconds(behind)} behind; it lacks processor time")
        if self.clock is not None and self.clock.bound > CLOCKS_APART_AT_MOST:
            found.append(f"{who}: its clock is known only to within {milliseconds(self.clock.bound)}")
        return found

    def plain(self) -> dict[str, object]:
        """For the record."""
        return {
            "name": self.name,
            "share": list(self.share),
            "offered": self.offered,
            "sent": self.sent,
            "late_p99_s": self.late.quantile(0.99),
            "clock": _plain_offset(self.clock),
            "clock_at_end": _plain_offset(self.clock_at_end),
        }


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """The whole run. `doubts` empty: the load was what the plan says, and the figures are true."""

    tally: Tally
    """Requests by scenario and route, all workers merged."""
    workers: tuple[WorkerRecord, ...]
    complete: bool
    """Whether the plan was sent to its end; else it was stopped before."""
    incidents: tuple[str, ...] = field(default=())
    """What went wrong with the run itself: a worker that was lost, a report that is missing."""

    @property
    def offered(self) -> int:
        """Arrivals that were due."""
        return sum(worker.offered for worker in self.workers)

    @property
    def sent(self) -> int:
        """Arrivals that were started."""
        return sum(worker.sent for worker in self.workers)

    @property
    def late(self) -> Histogram:
        """Seconds between due and sent, of all requests."""
        whole = Histogram()
        for worker in self.workers:
            whole.merge(worker.late)
        return whole

    @property
    def doubts(self) -> list[str]:
        """Why the figures must not be believed; empty when they can be."""
        found = list(self.incidents)
        if not found and (not self.sent or not self.tally.routes):
            found.append(f"{self.offered} arrivals were due, {self.sent} were sent, and no request came of them")
        found += [doubt for worker in self.workers for doubt in worker.doubts]
        own = {e: n for e, n in self.tally.of().errors.items() if e.startswith(OWN_TROUBLE)}
        return found + [
            f"{times} requests failed by the generator's own doing: {error}" for error, times in own.items()
        ]

    def from_sending(self) -> LoadResult:
        """The same requests as if each had been due when it was sent: without what the generator added."""
        bare = Tally()
        bare.merge(self.tally)
        for route in bare.routes.values():
            route.latency = route.service
        return replace(self, tally=bare)

    def plain(self) -> dict[str, object]:
        """As JSON; histograms included, so that runs can be merged and judged again."""
        return {
            "load": FORMAT,
            "complete": self.complete,
            "offered": self.offered,
            "sent": self.sent,
            "late_p99_s": self.late.quantile(0.99),
            "doubts": self.doubts,
            "workers": [worker.plain() for worker in self.workers],
            "total": figures(self.tally.of()),
            "routes": [
                {"scenario": scenario, "route": route, **figures(tally), "histograms": tally.to_plain()}
                for (scenario, route), tally in sorted(self.tally.routes.items())
            ],
        }


Judge = Callable[[LoadResult], Sequence[str]]
"""Says which promises the load broke, one line each; nothing when all held. It may raise: then nobody knows."""


class UndecidedError(Exception):
    """A judge saw nothing broken and cannot be sure: the reasons, one line each."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Verdict:
    """`passed`, `failed`: the judge's word on figures that can be believed. `unknown`: there are doubts."""

    kind: Literal["passed", "failed", "unknown"]
    reasons: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """As the windtunnel command's: 0 all is well, 1 a promise broke, 3 what happened is unknown."""
        return {"passed": 0, "failed": 1, "unknown": 3}[self.kind]


def verdict_on(result: LoadResult, judge: Judge | None) -> Verdict:
    """Doubts first. What is broken only because the generator was late is unknown too."""
    if result.doubts:
        return Verdict("unknown", tuple(result.doubts))
    if judge is None:
        return Verdict("passed")
    was_late = result.late.quantile(0.99) > LATE
    try:
        broken = tuple(judge(result))
        certain = bool(broken) and (not was_late or bool(judge(result.from_sending())))
    except UndecidedError as error:
        return Verdict("unknown", error.reasons)
    except Exception as error:
        return Verdict("unknown", (f"the judge raised {type(error).__name__}: {error}",))
    if broken and not certain:
        return Verdict(
            "unknown", tuple(f"{line} (counted from sending it held: the generator was late)" for line in broken)
        )
    return Verdict("failed", broken) if broken else Verdict("passed")


def figures(tally: RouteTally) -> dict[str, object]:
    """A route in figures."""
    latency = {f"p{100 * share:g}_s": tally.latency.quantile(share) for share in (0.5, 0.9, 0.95, 0.99, 0.999)}
    service = {f"service_p{100 * share:g}_s": tally.service.quantile(share) for share in (0.5, 0.95, 0.99)}
    counts = {"requests": tally.count, "outcomes": dict(tally.outcomes), "errors": dict(tally.errors)}
    return counts | {"mean_s": tally.latency.mean} | latency | service


def _plain_offset(offset: Offset | None) -> dict[str, float] | None:
    return None if offset is None else {"ahead_s": offset.seconds, "bound_s": offset.bound}
