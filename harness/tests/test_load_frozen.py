"""The truth about an outage: what a system did to its users for five seconds is in the figures, whoever counted.

A server is stopped for 5 s in a run of 30 s at 100/s. What every request must have seen is known without the generator:
the plan says when it was due, the server writes down when it answered it.
"""

from concurrent.futures import ThreadPoolExecutor
from math import ceil

import load_farm
import load_server
import pytest

from windtunnel.load.driver import LoadDriver
from windtunnel.load.histogram import Histogram

LONG, RATE, OUTAGE, LIMIT = 30, 100, 5.0, 0.5
WITHIN = 0.02


def p95_and_share(latencies):
    """The figure that 95 % stay within (nearest rank), and the share over the limit."""
    ordered = sorted(latencies)
    return ordered[ceil(0.95 * len(ordered)) - 1], sum(latency > LIMIT for latency in ordered) / len(ordered)


def by_driver(folder):
    """One generator, as experiments have it."""
    with load_farm.FreezingServer(folder / "answered.txt") as server, LoadDriver(folder / "engine.log") as driver:
        samples, file = load_server.Collected(), load_server.write_scenarios(folder)
        run = driver.start(load_server.plan(file, server.url, rate=RATE, timeout=20.0), samples)
        samples.wait_for(RATE * 5)
        outage = server.freeze(OUTAGE)
        samples.wait_for(RATE * LONG, patience=90.0)
        run.stop(20.0)
        answered = server.answered()
    first = min(sample.due for sample in samples)
    of_the_plan = [sample for sample in samples if sample.due - first < LONG - 1e-6]
    histogram = Histogram()
    for sample in of_the_plan:
        histogram.add(sample.latency)
    return {sample.request_id: sample.due for sample in of_the_plan}, answered, outage, histogram


def by_workers(folder, workers, later):
    """Locust's master and that many workers; the outage begins `later` seconds into the run."""
    folder.mkdir()
    with load_farm.FreezingServer(folder / "answered.txt") as server, load_farm.Farm(folder, server.url) as farm:
        farm.start(f"{RATE}/s {LONG}s constant", workers, "--wt-timeout", "20s")
        farm.wait_for_samples(RATE * later)
        outage = server.freeze(OUTAGE)
        code, result = farm.end()
        assert (code, result["doubts"], result["complete"]) == (0, [], True), farm.said()
        due = {sample["request_id"]: sample["due"] for sample in farm.samples()}
        (route,) = result["routes"]
        return due, server.answered(), outage, Histogram.from_plain(route["histograms"]["latency"])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All at once, each with a server of its own, their outages one after another."""
    folder = tmp_path_factory.mktemp("frozen")
    with ThreadPoolExecutor() as pool:
        waiting = {"driver": pool.submit(by_driver, folder)}
        for workers, later in ((1, 8), (2, 13), (4, 18)):
            waiting[str(workers)] = pool.submit(by_workers, folder / str(workers), workers, later)
        return {name: run.result() for name, run in waiting.items()}


@pytest.mark.parametrize("generator", ["driver", "1", "2", "4"])
def test_an_outage_is_in_the_figures(runs, generator):
    """p95 and the share over 500 ms lie within 2 % of what plan and server say."""
    due, answered, _, histogram = runs[generator]
    p95, share = p95_and_share([answered[request] - t for request, t in due.items()])
    over = histogram.over(LIMIT)

    assert len(due) == histogram.count == RATE * LONG
    assert histogram.quantile(0.95) == pytest.approx(p95, rel=WITHIN)
    assert (over.least / histogram.count, over.most / histogram.count) == pytest.approx((share, share), rel=WITHIN)


@pytest.mark.parametrize("generator", ["driver", "1", "2", "4"])
def test_no_figure_flatters_the_system(runs, generator):
    """They are never better than a server could be that is perfect but for its outage."""
    due, _, (began, ended), histogram = runs[generator]
    p95, share = p95_and_share([ended - t if began <= t < ended else 0.0 for t in due.values()])

    assert 3 < p95 <= histogram.quantile(0.95)
    assert 0.14 < share <= histogram.over(LIMIT).most / histogram.count
