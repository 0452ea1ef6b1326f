"""What a page tells of the calls between services and of breakers, from a history alone."""

from dataclasses import replace

from hand_written import FAULT, REMOVED, good_events, history
from stored_runs import store, story

from windtunnel.history import BreakerEvent, Call
from windtunnel.report.breakers import moved, stretches
from windtunnel.report.edge_calls import calls_by_edge, caused_by
from windtunnel.report.site import publish
from windtunnel.report.stored import read_run

EDGE = "orders->payments"


def call(start, seconds=0.01, status=200, ended="complete", request_id="", **changes):
    own = {"edge": EDGE, "method": "POST", "path": "/charges"}
    return Call(**{**own, "status": status, "start": start, "end": start + seconds, "ended": ended,
                   "request_id": request_id, **changes})  # fmt: skip


def test_a_call_belongs_to_the_window_in_which_it_began():
    """Before, during, after: with its rate, its failures, its p95."""
    seen = replace(history(), calls=(
        call(FAULT - 0.5), call(FAULT + 0.1, status=503), call(FAULT + 0.2, status=None, ended="no_answer"),
        call(FAULT + 0.3, status=404), call(REMOVED + 0.1, seconds=0.2),
    ))  # fmt: skip
    by = calls_by_edge(seen)[EDGE]

    assert {window: (figures.calls, figures.failed) for window, figures in by.items()} == {
        "before": (1, 0), "fault": (3, 2), "after": (1, 0)
    }  # fmt: skip
    assert by["after"].p95 is not None
    assert abs(by["after"].p95 - 0.2) < 1e-9
    assert abs(by["fault"].rate * (REMOVED - FAULT) - 3) < 1e-9


def test_a_history_without_calls_has_no_table():
    """Another Toxiproxy records none."""
    assert calls_by_edge(history()) == {}


def test_the_way_of_a_request_is_found_by_its_id():
    """Never by an empty one, which many calls may have."""
    seen = replace(history(), calls=(call(1.0, request_id="r-1"), call(2.0, request_id="r-2"), call(3.0)))

    assert [each.start for each in caused_by(seen, "r-2")] == [2.0]
    assert caused_by(seen, "") == []


def test_a_breaker_is_in_one_state_until_it_is_seen_in_another():
    """The last one lasts to the end; those that were always closed are not drawn."""
    events = [*good_events(), *(BreakerEvent(t=t, breaker=name, service="orders", state=state) for t, name, state in (
        (FAULT, EDGE, "closed"), (FAULT + 1, EDGE, "open"), (FAULT + 3, EDGE, "closed"), (FAULT, "other", "closed"),
    ))]  # fmt: skip
    seen = history(events=events)
    end = REMOVED

    assert stretches(seen, end)[EDGE] == [
        (FAULT, FAULT + 1, "closed"), (FAULT + 1, FAULT + 3, "open"), (FAULT + 3, end, "closed")
    ]  # fmt: skip
    assert list(moved(seen, end)) == [EDGE]


def test_the_page_shows_calls_ways_and_breakers(tmp_path):
    """The slowest request with its calls, the edge's figures, the strip of the breaker that opened."""
    events = [*good_events(), BreakerEvent(t=FAULT + 1, breaker=EDGE, service="orders", state="open")]
    of, whole = story(events=events)
    slow = max((s for s in whole.samples if FAULT <= s.due < REMOVED), key=lambda s: s.latency)
    samples = tuple(replace(s, request_id="r-slow") if s is slow else s for s in whole.samples)
    calls = (call(FAULT + 0.1, status=None, ended="reset", request_id="r-slow", touched_by=("cut<1>",)),)
    run = store(tmp_path / "out", (of, replace(whole, samples=samples, calls=calls)))
    publish(read_run(run), tmp_path / "site")
    page = next((tmp_path / "site").rglob("payments_cut.html")).read_text()

    assert "Who called whom" in page
    assert "reset (cut&lt;1&gt;)" in page
    assert f"breaker {EDGE.replace('>', '&gt;')}: open" in page
    assert 'class="lane open"' in page
