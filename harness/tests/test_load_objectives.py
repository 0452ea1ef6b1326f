"""An SLO file as the judge of a run of Locust: asked of merged histograms, refused where that is not enough."""

import pytest

from windtunnel.errors import BadInputError, SloError
from windtunnel.load.distributed.closing import summary
from windtunnel.load.distributed.objectives import read_objectives
from windtunnel.load.distributed.result import LoadResult, WorkerRecord, verdict_on
from windtunnel.load.histogram import Histogram
from windtunnel.load.tally import Tally

SLOS = """
slos: windtunnel/v1
objectives:
  quick: {p95: "< 500ms"}
  never: {max: "< 2s", errors: "<= 3"}
  good: {availability: ">= 99%", burn_rate: "< 10"}
  reader: {read: {p50: "< 100ms"}}
  route: {"GET /a": {p50: "< 100ms"}}
  budget: {period: 30d, target: 99.9%, budget_spent: "<= 1%"}
  broken: {undocumented_rate: "< 1%"}
"""


@pytest.fixture
def slos(tmp_path):
    path = tmp_path / "slos.yaml"
    path.write_text(SLOS)
    return path


def result(*, n=1000, slow=0, took=0.7, failed=0, scenario="buy", late=0.0):
    """Of two workers: `slow` requests took that long, the others 50 ms."""
    tally, lateness = Tally(), Histogram()
    for half in (range(0, n, 2), range(1, n, 2)):
        part = Tally()
        for number in half:
            service = took if number < slow else 0.05
            outcome = "failed" if number < failed else "ok"
            part.add([scenario, "GET /a", 0.0, late, service + late, 200, outcome, None, "id"])
            lateness.add(late)
        tally.merge(part)
    worker = WorkerRecord(name="w", share=(0, 1), offered=n, sent=n, late=lateness, clock=None, clock_at_end=None)
    return LoadResult(tally=tally, workers=(worker,), complete=True)


@pytest.mark.parametrize(
    ("names", "made", "kind", "said"),
    [
        ("quick", result(), "passed", ""),
        ("quick", result(slow=100), "failed", "quick p95 < 500ms: got 700ms (n=1000, 10% over)"),
        ("quick", result(slow=55), "unknown", "inconclusive"),
        ("quick", result(n=20), "unknown", "needs at least n=59"),
        ("quick", result(slow=100, took=0.4, late=0.2), "unknown", "the generator was late"),
        ("never", result(), "passed", ""),
        ("never", result(slow=1, took=2.1), "failed", "never max < 2s: got 210"),
        ("never", result(failed=4), "failed", "never errors <= 3: got 4"),
        ("good", result(), "passed", ""),
        ("good", result(failed=40), "failed", "good availability >= 99%: got 96%"),
        ("good,quick", result(slow=100), "failed", "quick p95"),
        ("reader", result(scenario="read"), "passed", ""),
        ("reader", result(scenario="read", slow=700), "failed", "reader/read p50 < 100ms: got 700ms"),
        ("reader", result(), "unknown", "reader/read p50 < 100ms: no requests"),
        ("route", result(slow=700), "failed", "route/GET /a p50 < 100ms"),
    ],
)
def test_an_objective_is_asked_of_the_merged_histograms(slos, names, made, kind, said):
    """With the confidence of experiments: what too few requests decide is unknown."""
    verdict = verdict_on(made, read_objectives(names, slos, ("buy", "read")))

    assert verdict.kind == kind, verdict.reasons
    assert said in " ".join(verdict.reasons)


def test_what_is_not_decided_is_told_apart_from_what_is_not_valid(slos):
    """A run that was too short has true figures; those of a generator that was late are not to be used."""
    short, late = result(n=20), result(late=1.5)
    judge = read_objectives("quick", slos, ("buy", "read"))

    assert "NOT DECIDED" in summary(short, verdict_on(short, judge))
    assert "INVALID, do not use these figures" in summary(late, verdict_on(late, judge))


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ("fast", r"--wt-slo: 'fast' is no objective; there are quick, never"),
        ("quick,", r"--wt-slo: '' is no objective"),
        ("budget", r"budget has budget_spent, which counts against the length of a stage; use a load profile"),
        ("broken", r"broken has undocumented_rate, which counts what is not documented"),
    ],
)
def test_what_cannot_be_judged_is_refused_before_the_run(slos, names, complaint):
    """With the file and what there is instead."""
    with pytest.raises(BadInputError, match=complaint):
        read_objectives(names, slos, ("buy", "read"))


def test_an_unknown_scope_is_the_slo_files_own_error(slos):
    """As in a load profile."""
    with pytest.raises(SloError, match="read"):
        read_objectives("quick", slos, ("buy",))


def test_a_locustfile_without_a_file_of_objectives_says_how(slos):
    """The class attribute is named."""
    with pytest.raises(BadInputError, match="names no SLO file; give it slos"):
        read_objectives("quick", None, ("buy",))
