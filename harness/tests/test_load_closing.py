"""What a terminal says when a run of distributed load has ended."""

from windtunnel.load.distributed.clock import Offset
from windtunnel.load.distributed.closing import summary
from windtunnel.load.distributed.result import LoadResult, WorkerRecord, verdict_on
from windtunnel.load.histogram import Histogram
from windtunnel.load.tally import Tally


def worker(name, clock):
    late = Histogram()
    late.add(0.002)
    return WorkerRecord(name=name, share=(0, 1), offered=10, sent=10, late=late, clock=clock, clock_at_end=clock)


def said(*workers):
    tally = Tally()
    tally.add(["ok", "GET /ok", 0.0, 0.002, 0.01, 200, "ok", None, "id"])
    result = LoadResult(tally=tally, workers=workers, complete=True)
    return summary(result, verdict_on(result, None))


def test_each_of_several_workers_has_a_line_with_its_clock():
    """Ahead is plus, behind is minus, and how exactly that is known stands beside it."""
    _, *lines, _, _ = said(worker("a", Offset(3600.0, 0.0004)), worker("b", Offset(-0.00125, 0.0001)))

    assert lines == [
        "  a: 10 of 10, late p99 2.0ms; clock +3600000.00ms, give or take 0.40ms",
        "  b: 10 of 10, late p99 2.0ms; clock -1.25ms, give or take 0.10ms",
    ]


def test_a_clock_that_was_never_measured_is_said_to_be_so():
    """A worker that was lost before the start."""
    _, _, line, *_ = said(worker("a", Offset(0.0, 0.0)), worker("b", None))

    assert line.endswith("  b: 10 of 10, late p99 2.0ms; its clock was not measured")


def test_one_worker_is_not_listed():
    """Its figures are the run's, and the clock of Locust alone is the master's."""
    assert not any(line.startswith("  ") for line in said(worker("local", Offset(0.0, 0.0))))
