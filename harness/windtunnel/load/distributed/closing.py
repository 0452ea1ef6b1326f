"""What a run of load says of itself when it has ended: what was sent, what came back, whether it can be believed."""

from __future__ import annotations

from windtunnel.checks.figures import milliseconds, percent
from windtunnel.load.distributed.result import LoadResult, Verdict, WorkerRecord


def summary(result: LoadResult, verdict: Verdict) -> list[str]:
    """The closing lines of a terminal; the reasons of the verdict last, one line each."""
    whole = result.tally.of()
    good = percent(whole.outcomes["ok"] / whole.count) if whole.count else "none"
    cut = ", ".join(f"p{100 * share:g} {milliseconds(whole.latency.quantile(share))}" for share in (0.5, 0.95, 0.99))
    unknown = "INVALID, do not use these figures" if result.doubts else "NOT DECIDED"
    said = {"passed": "valid", "failed": "PROMISES BROKEN", "unknown": unknown}
    ended = "to the end of the plan" if result.complete else "stopped before the end of the plan"
    workers = "1 worker" if len(result.workers) == 1 else f"{len(result.workers)} workers"
    late = milliseconds(result.late.quantile(0.99))
    lines = [
        f"{workers} sent {result.sent} of {result.offered} arrivals, {ended}; late p99 {late}",
        f"{whole.count} requests, {good} ok; from due: {cut}",
        said[verdict.kind],
    ]
    if len(result.workers) > 1:
        lines[1:1] = [_of_worker(worker) for worker in result.workers]
    return lines + [f"- {reason}" for reason in verdict.reasons]


def _of_worker(worker: WorkerRecord) -> str:
    """Its part, and how its clock stands to the master's."""
    part = f"  {worker.name}: {worker.sent} of {worker.offered}, late p99 {milliseconds(worker.late.quantile(0.99))}"
    if worker.clock is None:
        return f"{part}; its clock was not measured"
    ahead, bound = worker.clock.seconds, worker.clock.bound
    return f"{part}; clock {1000 * ahead:+.2f}ms, give or take {1000 * bound:.2f}ms"
