"""Promises per window: k of n with bounds, exact counts, documented degradation, relative limits, window assignment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hand_written import (
    BASELINE,
    DONE,
    EDGE,
    FAULT,
    RECOVERED,
    REMOVED,
    always,
    every,
    expect,
    fault_event,
    good_events,
    history,
    load,
    phases,
    recovery,
    sample,
    spec,
)

from windtunnel.checks.count import Count
from windtunnel.checks.criterion import Criterion
from windtunnel.checks.slo import judge, judge_window, undecided
from windtunnel.checks.windows import spans, window_samples
from windtunnel.history import PhaseEvent
from windtunnel.spec.model import Limit

SLOW = {"latency": 5.0}
GONE = {"status": None, "outcome": "indeterminate", "error": "timeout", "latency": 5.0}
UNAVAILABLE = {"status": 503, "outcome": "failed", "error": "expectation: status 503"}


def finding(text, **sides):
    """The one finding about one promise of the fault window."""
    of = spec(expect(text))
    return judge(history(of, **sides), of)[0]


@pytest.mark.parametrize(
    ("promise", "fault", "judgement"),
    [
        ("p99 < 1500ms", None, "passed"),
        ("p99 < 1500ms", every(10, **SLOW), "failed"),
        ("p99 < 1500ms", every(100, **SLOW), "unknown"),
        ("p99.9 < 1500ms", None, "unknown"),
        ("p50 > 1s", always(**SLOW), "passed"),
        ("p50 > 1s", None, "failed"),
        ("max < 2s", None, "passed"),
        ("max < 2s", every(499, **SLOW), "failed"),
        ("max > 2s", every(499, **SLOW), "passed"),
        ("error_rate < 1%", None, "passed"),
        ("error_rate < 1%", every(10, **UNAVAILABLE), "failed"),
        ("error_rate <= 100%", always(**UNAVAILABLE), "passed"),
        ("error_rate <= 0%", None, "unknown"),
        ("error_rate < 0%", None, "unknown"),
        ("error_rate >= 0%", None, "passed"),
        ("error_rate > 100%", always(**UNAVAILABLE), "unknown"),
        ("degraded_rate > 50%", always(**UNAVAILABLE), "passed"),
        ("degraded_rate > 50%", None, "failed"),
        ("degraded_rate >= 50%", every(2, **UNAVAILABLE), "unknown"),
        ("errors <= 1", every(400, **UNAVAILABLE), "failed"),
        ("errors <= 2", every(400, **UNAVAILABLE), "passed"),
        ("undocumented <= 0", every(10, **UNAVAILABLE), "passed"),
        ("undocumented <= 0", every(400, **GONE), "failed"),
        ("undocumented_rate < 1%", always(**UNAVAILABLE), "passed"),
        ("undocumented_rate < 1%", every(10, **GONE), "failed"),
        ("undocumented_rate < 1%", every(10, status=500, outcome="failed"), "failed"),
    ],
)
def test_promise_is_judged(promise, fault, judgement):
    """Five hundred requests in the fault window, so and so many of them bad."""
    assert judgement == finding(promise, fault=fault).judgement


def test_broken_promise_says_figure_limit_and_sample_size():
    """One line that a person can act on."""
    result = finding("place_order p99 < 1500ms", fault=every(10, **SLOW))

    assert result.message == "fault/place_order p99 < 1500ms: got 5000ms (n=500, 10% over)"
    assert (result.observed, result.samples) == (5.0, 500)


def test_inconclusive_promise_says_how_many_samples_it_needs():
    """Too few samples are never a pass."""
    result = finding("p99.9 < 1500ms")

    assert result.message == "fault p99.9 < 1500ms: inconclusive: got 20ms (n=500, 0% over); needs at least n=2995"


def test_promise_too_close_to_its_limit_says_between_what_the_truth_lies():
    """Enough samples, but on the line."""
    result = finding("p99 < 1500ms", fault=every(100, **SLOW))

    assert result.message == (
        "fault p99 < 1500ms: inconclusive: got 20ms (n=500, 1% over); the true share lies between 0.395% and 2.09%, "
        "the limit is 1%"
    )


@pytest.mark.parametrize(("op", "judgement"), [("<", "failed"), ("<=", "passed")])
def test_latency_at_the_limit_is_over_it_for_less_than_only(op, judgement):
    """0.5 s is not less than 500 ms, and is at most 500 ms."""

    def half_a_second(i, due):
        return sample(due, 0.5)

    # Powers of two, so that the latency is exactly half a second.
    of = spec(expect(f"p95 {op} 500ms"))
    events = [fault_event("applied", 128.0), fault_event("removed", 140.0)]
    whole = replace(history(of, events=events), samples=tuple(load(128.0, 136.0, 64.0, half_a_second)))

    assert judgement == judge(whole, of)[0].judgement


def test_202_counts_as_degraded_although_the_scenario_was_content():
    """Accepted for later is not what was promised when all is well."""
    assert finding("degraded_rate > 50%", fault=always(status=202)).judgement == "passed"


def test_documented_status_whose_answer_broke_off_is_not_degraded():
    """Half a 503 is no documented answer."""
    cut = every(5, status=503, outcome="indeterminate", error="closed")

    assert finding("undocumented_rate < 1%", fault=cut).judgement == "failed"


def test_status_documented_for_another_edge_is_undocumented():
    """401 is what losing users may cost, not what losing payments may."""
    assert finding("undocumented_rate < 1%", fault=every(5, status=401, outcome="failed")).judgement == "failed"


@pytest.mark.parametrize("window", ["baseline", "recovered"])
def test_degradation_is_excused_only_while_the_edge_is_lost(window):
    """A 503 before or after the fault is a broken promise."""
    of = spec(expect("undocumented_rate < 1%", window))

    assert (
        judge(history(of, before=every(5, **UNAVAILABLE), after=every(5, **UNAVAILABLE)), of)[0].judgement == "failed"
    )


def test_service_taken_away_takes_its_edges_along():
    """A step that names a service is looked up by every edge to it."""
    of = spec(expect("undocumented_rate < 1%"))
    events = [*phases(), *(fault_event(w, t, target="payments") for w, t in (("applied", FAULT), ("removed", REMOVED)))]

    assert judge(history(of, fault=always(**UNAVAILABLE), events=events), of)[0].judgement == "passed"


def test_scope_is_a_scenario_or_a_route():
    """Others' trouble is not counted."""

    def reads(i, due):
        return sample(due, scenario="read_order", route="GET /orders/{id}", **(UNAVAILABLE if i % 2 else {}))

    of = spec(expect("place_order error_rate < 1%"), expect("read_order error_rate < 1%"))
    scoped = replace(expect("error_rate < 1%"), scope="GET /orders/{id}")
    of = replace(of, slo=(*of.slo, scoped))
    both = history(of)
    both = replace(both, samples=(*both.samples, *load(FAULT, REMOVED, 50.0, reads)))

    assert [found.judgement for found in judge(both, of)] == ["passed", "failed", "failed"]


@pytest.mark.parametrize(("latency", "judgement"), [(0.03, "passed"), (0.5, "failed")])
def test_relative_limit_follows_the_baseline(latency, judgement):
    """20 ms in the baseline, so the limit is 20 + 20 % + 50 ms."""
    promise = replace(expect("p95 <= 0ms"), limit=Limit(relative=0.2, floor=0.05), text="<= baseline + 20% + 50ms")
    of = spec(promise)

    result = judge(history(of, fault=always(latency=latency)), of)[0]

    assert judgement == result.judgement
    assert result.message.endswith(", limit 74ms")


def test_relative_limit_without_baseline_is_unknown():
    """Nothing to compare with is not a pass."""
    of = spec(replace(expect("p95 <= 0ms"), limit=Limit(relative=0.2, floor=0.05)))
    whole = history(of)
    bare = replace(whole, samples=tuple(s for s in whole.samples if s.due >= FAULT))

    assert (judge(bare, of)[0].judgement, "needs a baseline" in judge(bare, of)[0].message) == ("unknown", True)


def test_window_without_samples_is_unknown():
    """Also for what would hold of any sample."""
    assert finding("nobody error_rate <= 100%").message == "fault/nobody error_rate <= 100%: no samples"


def test_window_never_reached_is_unknown():
    """A run that broke off promises nothing."""
    of = spec(expect("error_rate < 1%"))
    bare = history(of, events=[PhaseEvent(t=BASELINE, name="baseline")])

    assert judge(bare, of)[0].message == "fault error_rate < 1%: the fault window was never reached"


def test_request_belongs_to_the_window_in_which_it_was_due():
    """However late its answer comes."""
    whole = history()
    straggler = sample(REMOVED - 0.001, 9.0)
    whole = replace(whole, samples=(*whole.samples, straggler))

    assert straggler in window_samples(whole, "fault")


def test_request_that_the_fault_met_is_no_request_of_the_baseline():
    """Due before, still under way when the breaking began: the fault's doing."""
    whole = history()
    caught = sample(FAULT - 0.001, 3.0)
    whole = replace(whole, samples=(*whole.samples, caught))

    assert (caught in window_samples(whole, "baseline"), caught in window_samples(whole, "fault")) == (False, True)


def test_windows_are_cut_where_the_faults_were_acknowledged():
    """And the warm-up and the recovery belong to none."""
    counts = {window: len(window_samples(history(), window)) for window in ("baseline", "fault", "recovered")}

    assert counts == {"baseline": 400, "fault": 500, "recovered": 400}


def test_later_first_step_lets_the_baseline_end_later():
    """With an offset, the fault phase begins whole."""
    events = [
        PhaseEvent(t=BASELINE, name="baseline"),
        PhaseEvent(t=FAULT, name="fault"),
        fault_event("applied", FAULT + 3),
    ]

    of = spans(history(events=events), first_at=3.0)

    assert of.windows["baseline"] == (BASELINE, FAULT + 3.0)


def test_recovered_window_begins_when_recovery_was_reached():
    """Not when the phase did."""
    of = spec(expect("errors <= 0", "recovered"), recovery=recovery())
    late = lambda i, due: sample(due, **(UNAVAILABLE if due < RECOVERED + 2 else {}))  # noqa: E731

    result = judge(history(of, after=late), of)[0]

    assert ("passed", round((DONE - RECOVERED - 2) * 50)) == (result.judgement, result.samples)


def test_system_that_never_recovered_is_judged_from_the_phase_on():
    """So that the broken promise has figures."""
    of = spec(expect("error_rate < 1%", "recovered"), recovery=recovery())

    assert judge(history(of, after=every(2, **UNAVAILABLE)), of)[0].judgement == "failed"


def test_runner_extends_for_what_more_samples_can_decide():
    """The one that is short of samples; not the one no sample decides, nor the decided ones."""
    of = spec(
        expect("p99.9 < 1500ms"), expect("error_rate <= 0%"), expect("p95 < 1s"), expect("p99.9 < 1s", "baseline")
    )

    assert [each.message.split(":")[0] for each in undecided(history(of), of, "fault")] == ["fault p99.9 < 1500ms"]


@pytest.mark.parametrize(
    ("broken", "needed"),
    [pytest.param(0, 299, id="none broken"), pytest.param(2, 628, id="two broken, a third would do")],
)
def test_undecided_window_says_how_many_more_samples_would_settle_it(broken, needed):
    """Exactly those at which the upper bound of the share comes down to the limit, if no further one is broken."""
    rule = Criterion(counted=bool, op="<=", bound=0.01, exact=False)
    there = 250 if broken == 0 else 400

    count = Count(name="p99 < 1s", rule=rule, value=0.0, shown="0ms", k=broken, n=there, of_outcomes=False)

    assert round(count.lacking * there) == needed - there
    assert (rule.judge(broken, needed - 1), rule.judge(broken, needed)) == ("unknown", "passed")


def test_window_far_from_decided_asks_for_as_much_again_at_most():
    """The runner looks again after that."""
    rule = Criterion(counted=bool, op="<=", bound=0.001, exact=False)

    assert Count(name="p99 < 1s", rule=rule, value=0.0, shown="0ms", k=0, n=100, of_outcomes=False).lacking == 1.0


def test_runner_can_judge_a_window_that_still_lasts():
    """No removal yet: the fault window is open."""
    of = spec(expect("error_rate < 1%"), expect("error_rate < 1%", "baseline"))
    running = history(of, events=[e for e in good_events() if e.t <= FAULT])

    assert [found.judgement for found in judge_window(running, of, "fault")] == ["passed"]


def test_broken_latency_of_a_late_generator_is_unknown():
    """Sent four seconds late, answered at once: it is not the system that was slow."""
    late = lambda i, due: sample(due, 4.02, start=due + 4.0) if i % 10 == 0 else sample(due)  # noqa: E731
    result = finding("p99 < 1500ms", fault=late)

    assert (result.judgement, "the load generator was late (10" in result.message) == ("unknown", True)


def test_broken_latency_stays_broken_when_the_generator_was_hardly_late():
    """Twenty milliseconds of delay do not explain five seconds."""
    late = lambda i, due: sample(due, 5.0, start=due + 0.02)  # noqa: E731

    assert finding("p99 < 1500ms", fault=late).judgement == "failed"


def test_held_latency_of_a_late_generator_holds():
    """Latency counts from the due time, so the delay is in it."""
    late = lambda i, due: sample(due, 0.12, start=due + 0.1)  # noqa: E731

    assert finding("p99 < 1500ms", fault=late).judgement == "passed"


def test_edges_are_named_as_in_the_topology():
    """The builder of these tests and `degrades_to` speak of the same edge."""
    assert EDGE in history().header.degrades_to["place_order"]
