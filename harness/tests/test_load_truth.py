"""Load is open: it neither waits for the system nor hides that the system, or the generator, kept it waiting."""

import threading
from itertools import pairwise

import load_server
import pytest

from windtunnel.load.driver import LoadDriver
from windtunnel.load.shapes import Constant, Ramp
from windtunnel.spec.model import MixEntry


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with LoadDriver(tmp_path_factory.mktemp("load") / "engine.log") as started:
        yield started


@pytest.fixture
def server():
    with load_server.Server() as running:
        yield running


def test_arrivals_keep_their_schedule(driver, server, tmp_path):
    """The k-th request is due k gaps after the first, and all that were offered are accounted for."""
    file = load_server.write_scenarios(tmp_path)
    samples, report = load_server.drive(driver, load_server.plan(file, server.url, rate=250), 100)
    due = [sample.due for sample in samples]

    assert due == pytest.approx([due[0] + k / 250 for k in range(len(due))], abs=1e-6)
    assert len(samples) == report.sent <= report.offered
    assert all(sample.due <= sample.start <= sample.end for sample in samples)


def test_stages_follow_one_another_and_end(driver, server, tmp_path):
    """Every arrival of the plan is sent when its curve says; then there is nothing left to wait for."""
    file = load_server.write_scenarios(tmp_path)
    stages = (Ramp(start=0, end=200, duration=0.4, arrival="constant"), Constant(rate=100, duration=0.2))
    samples, ended = load_server.Collected(), threading.Event()
    plan = load_server.plan(file, server.url, rate=0.0, stages=stages)
    expected = list(plan.schedule.offsets(plan.seed))
    with driver.start(plan, samples) as run:
        samples.wait_for(len(expected))
        while not run.progress.exhausted:
            ended.wait(0.01)
        report = run.stop(5.0)
    due = sorted(sample.due for sample in samples)

    assert report.offered == report.sent == len(samples) == len(expected)
    assert [d - due[0] for d in due] == pytest.approx([offset - expected[0] for offset in expected], abs=1e-6)


def test_a_frozen_server_shows_in_the_latency(driver, server, tmp_path):
    """Every request that was due while the server was frozen took at least as long as the freeze still lasted."""
    file = load_server.write_scenarios(tmp_path)
    samples = load_server.Collected()
    run = driver.start(load_server.plan(file, server.url, rate=100), samples)
    samples.wait_for(20)
    began, ended = server.freeze(1.0)
    samples.wait_for(len(samples) + 20)
    run.stop(5.0)
    frozen = [sample for sample in samples if began <= sample.due < ended]

    assert len(frozen) == pytest.approx((ended - began) * 100, abs=1)
    assert all(sample.latency >= ended - sample.due for sample in frozen)
    assert {sample.outcome for sample in samples} == {"ok"}


def test_a_following_request_is_due_when_the_one_before_was_answered(driver, server, tmp_path):
    """The arrival's own due time counts for its first request only."""
    file = load_server.write_scenarios(tmp_path)
    samples, _ = load_server.drive(driver, load_server.plan(file, server.url, "two_steps"), 40)
    first = {s.request_id.rpartition("-")[0]: s for s in samples if s.route == "GET /first"}
    second = [s for s in samples if s.route == "POST /ok"]

    assert second
    assert all(sample.due == first[sample.request_id.rpartition("-")[0]].end for sample in second)


def test_a_set_up_request_stays_out_of_the_figures(driver, server, tmp_path):
    """It is sent, and what follows is due when it was answered."""
    file = load_server.write_scenarios(tmp_path)
    samples, _ = load_server.drive(driver, load_server.plan(file, server.url, "set_up_first"), 5)

    assert {sample.route for sample in samples} == {"GET /ok"}
    assert any(path == "/slow" for _, path, _, _ in server.requests)
    assert {sample.request_id.rpartition("-")[2] for sample in samples} == {"2"}


def test_a_generator_that_cannot_keep_up_says_so(driver, server, tmp_path):
    """Its scenarios need more processor time than there is: the report shows it, and latency contains it."""
    file = load_server.write_scenarios(tmp_path)
    samples, report = load_server.drive(driver, load_server.plan(file, server.url, "busy", rate=500), 60, drain=0.0)
    late = [sample for sample in samples if sample.late > 0.01]

    assert report.late_share > 0.5
    assert report.late_p99 >= max(sample.late for sample in samples) * 0.5
    assert all(sample.latency >= sample.late for sample in late)
    assert report.sent <= report.offered


def test_the_same_seed_gives_the_same_load(driver, server, tmp_path):
    """Scenarios, gaps and every visitor's choices are repeated, whatever the timing was."""
    file = load_server.write_scenarios(tmp_path)
    mix = (MixEntry(scenario="choosy", weight=2), MixEntry(scenario="ok"))

    def story(seed):
        plan = load_server.plan(file, server.url, rate=300, arrival="poisson", seed=seed, mix=mix)
        samples, _ = load_server.drive(driver, plan, 60)
        gaps = [round(b.due - a.due, 6) for a, b in pairwise(samples)]
        return [(s.scenario, s.route) for s in samples[:50]], gaps[:50]

    assert story(7) == story(7)
    assert story(7) != story(8)


def test_locust_counts_what_we_count(driver, server, tmp_path):
    """Its request events are fired: once for each sample, failures as failures."""
    file = load_server.write_scenarios(tmp_path, "/status/500")
    mix = (MixEntry(scenario="ask"), MixEntry(scenario="ok"), MixEntry(scenario="set_up_first", weight=0.2))
    samples = load_server.Collected()
    run = driver.start(load_server.plan(file, server.url, mix=mix), samples)
    samples.wait_for(30)
    run.stop(5.0)

    assert run.locust == {
        "requests": len(samples),
        "failures": sum(sample.outcome != "ok" for sample in samples),
    }
