"""Every way in which an answer can fail to come is told apart, and none passes for an answer."""

import socket

import load_server
import pytest

from windtunnel.load.driver import LoadDriver


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with LoadDriver(tmp_path_factory.mktemp("load") / "engine.log") as started:
        yield started


@pytest.fixture
def server():
    with load_server.Server() as running:
        yield running


@pytest.fixture
def asked(driver, server, tmp_path):
    """Runs a scenario until `count` requests have come back; returns how they went, which must be the same for all."""

    def run(path="/ok", *, scenario="ask", count=3, url=server.url, **changes):
        file = load_server.write_scenarios(tmp_path, path)
        samples, _ = load_server.drive(driver, load_server.plan(file, url, scenario, rate=50, **changes), count)
        kinds = {(sample.status, sample.outcome, sample.error) for sample in samples}
        assert len(kinds) == 1, kinds
        return kinds.pop()

    return run


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/short", 200, "closed"),
        ("/short-error", 503, "closed"),
        ("/chunk-cut", 200, "closed"),
        ("/last-chunk-missing", 200, "closed"),
        ("/head-cut", None, "closed"),
        ("/close", None, "closed"),
        ("/garbage", None, "protocol"),
        ("/bad-gzip", 200, "protocol"),
        ("/reset", None, "reset"),
        ("/reset-in-body", 200, "reset"),
    ],
)
def test_a_lost_answer_is_indeterminate(asked, path, status, error):
    """The request was sent, so its effect may have happened, whatever part of the answer came."""
    assert asked(path) == (status, "indeterminate", error)


@pytest.mark.parametrize(("path", "status"), [("/silent", None), ("/drip", 200)])
def test_the_time_out_is_of_the_whole_request(asked, path, status):
    """A body that comes in drips does not put it off."""
    assert asked(path, timeout=0.2) == (status, "indeterminate", "timeout")


def test_a_refused_connection_is_a_failure(asked):
    """Nothing was sent, so nothing can have happened."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert asked(url=f"http://127.0.0.1:{port}") == (None, "failed", "refused")


@pytest.mark.parametrize("path", ["/ok", "/chunked", "/until-close"])
def test_a_whole_answer_is_ok(asked, path):
    """By length, by chunks, or by the end of the connection."""
    assert asked(path) == (200, "ok", None)


def test_a_redirect_is_an_answer(asked, server):
    """Following it would be a request that nobody asked for."""
    assert asked("/redirect") == (302, "ok", None)
    assert {request[1] for request in server.requests} == {"/redirect"}


@pytest.mark.parametrize(
    ("scenario", "path", "status", "error"),
    [
        ("ask", "/status/503", 503, "expectation: status 503, wanted 2xx or 3xx"),
        ("wants_201", "/ok", 200, "expectation: status 200, wanted 201"),
        ("wants_more", "/ok", 200, "expectation: n is not 43"),
        ("check_breaks", "/ok", 200, "expectation: the check raised KeyError: 'absent'"),
    ],
)
def test_a_whole_answer_that_was_not_wanted_is_a_failure(asked, scenario, path, status, error):
    """It is known what happened, also where the body is no text."""
    assert asked(path, scenario=scenario) == (status, "failed", error)


@pytest.mark.parametrize(
    ("scenario", "error"),
    [
        ("raises", 'scenario: KeyError: "the scenario\'s own"'),
        ("leaves", "scenario: SystemExit: 3"),
        ("elsewhere", "scenario: LookupError: the client has no edge to 'nowhere'; it has to shop, bank"),
        ("blank_in_path", "scenario: ValueError: 'GET /a b HTTP/1.1' and its headers must hold no line break"),
    ],
)
def test_a_scenario_that_raises_is_a_failed_sample(asked, scenario, error):
    """And the engine goes on."""
    status, outcome, told = asked(scenario=scenario)

    assert (status, outcome) == (None, "failed")
    assert told.startswith(error)


def test_no_request_is_repeated_behind_our_back(driver, server, tmp_path):
    """The server sees each lost GET once, with the id that its sample carries."""
    file = load_server.write_scenarios(tmp_path, "/close")
    samples, _ = load_server.drive(driver, load_server.plan(file, server.url, "ask"), 20)
    seen = [headers["x-request-id"] for _, _, headers, _ in server.requests]

    assert sorted(seen) == sorted(sample.request_id for sample in samples)
    assert len(set(seen)) == len(seen)


def test_a_connection_that_was_closed_while_idle_is_not_used(driver, server, tmp_path):
    """Servers close idle connections; that is no error of anybody's."""
    with load_server.Server() as bank:
        bank.closed = server.closed
        file = load_server.write_scenarios(tmp_path)
        plan = load_server.plan(file, server.url, "after_idle_close", rate=2, bank=bank.url)
        samples, _ = load_server.drive(driver, plan, 3)

    assert {(sample.route, sample.outcome) for sample in samples} == {
        ("GET /answer-and-close", "ok"),
        ("GET /when-closed", "ok"),
        ("GET /again", "ok"),
    }


def test_no_cookie_passes_from_one_visitor_to_the_next(asked, server):
    """Each arrival is somebody new."""
    asked("/cookie", count=5)

    assert not any("cookie" in headers for _, _, headers, _ in server.requests)


def test_requests_cut_off_at_the_end_are_samples_too(driver, server, tmp_path):
    """None is forgotten: what was sent and not waited for is indeterminate."""
    file = load_server.write_scenarios(tmp_path, "/silent")
    samples = load_server.Collected()
    with load_server.waiting_requests(server, 5):
        run = driver.start(load_server.plan(file, server.url, "ask", rate=100), samples)
    report = run.stop(0.0)

    assert len(samples) == report.sent >= 5
    assert {(sample.outcome, sample.error) for sample in samples} == {
        ("indeterminate", "unfinished: the load was stopped")
    }
