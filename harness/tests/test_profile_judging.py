"""Verdicts of load profiles: promises a stage, budgets, recovery, capacity; and what is not known is an ERROR."""

from dataclasses import replace

import pytest
from hand_written import always, every, expect, sample
from profile_samples import BEGAN, driven, objective, profile, search, stage

from windtunnel.errors import ProfileError
from windtunnel.history import FaultEvent, NoteEvent, ProbeEvent
from windtunnel.profiles import judge_profile
from windtunnel.profiles.model import Aftermath, Faults
from windtunnel.profiles.run import shapes
from windtunnel.spec.model import FaultStep

FAILED = {"status": 503, "outcome": "failed", "error": "expectation: status 503, wanted 200"}
SLOW = {"latency": 2.0}


def verdict(of, **run):
    return judge_profile(driven(of, **run)).verdict


def messages(of, **run):
    return "\n".join(verdict(of, **run).reasons)


def test_stage_that_holds_passes():
    """Ten seconds at 50 a second, every request fine."""
    found = verdict(profile("availability >= 99%", "p95 < 500ms"))

    assert found.outcome == "PASS"
    assert [f.message for f in found.findings] == [
        "steady availability >= 99%: got 100% (0 of 500)",
        "steady p95 < 500ms: got 20ms (n=500, 0% over)",
    ]


@pytest.mark.parametrize(
    ("text", "made", "said"),
    [
        ("availability >= 99%", every(10, **FAILED), "got 90% (50 of 500)"),
        ("burn_rate < 2", every(10, **FAILED), "got 100 (50 of 500)"),
        ("p95 < 500ms", every(10, **SLOW), "got 2000ms (n=500, 10% over)"),
        ("place_order max < 1s", every(100, **SLOW), "got 2000ms (n=500, 1% over)"),
    ],
)
def test_broken_promise_fails_with_its_figure(text, made, said):
    """Each metric in its own unit."""
    target = {"counted_against": 0.999, "period": 2_592_000.0}
    of = profile(stages=(stage(),), objectives={"shop": replace(objective(text), **target)})
    found = verdict(of, each={"steady": made})

    assert found.outcome == "FAIL"
    assert found.reasons == (
        f"steady{'/place_order' * ('place_order' in text)} {text.split(' ', 'place' in text)[-1]}: {said}",
    )


def test_budget_is_counted_over_the_period():
    """5 of 500 in ten seconds burn a 99.9 % budget at 10; that is 1 % * 1000 * 10 s of the 30 days' budget."""
    of = profile("availability >= 99.9%")
    (budget,) = judge_profile(driven(of, each={"steady": every(100, **FAILED)})).budgets

    assert budget.burn_rate == pytest.approx(10)
    assert budget.spent == pytest.approx(10 * 10 / 2_592_000)
    assert budget.exhausted_after == pytest.approx(2_592_000 / 10)


@pytest.mark.parametrize(("allowed", "outcome"), [("1%", "PASS"), ("0.001%", "FAIL")])
def test_share_of_the_budget_that_an_incident_may_cost(allowed, outcome):
    """The same 5 of 500 are 0.0039 % of the period's budget: an exact count, so no confidence is lacking."""
    incident = replace(objective(f"budget_spent <= {allowed}"), counted_against=0.999, period=2_592_000.0)
    of = profile(stages=(stage(),), objectives={"shop": incident})

    assert verdict(of, each={"steady": every(100, **FAILED)}).outcome == outcome


def test_too_few_samples_are_an_error():
    """Fifty requests cannot show 99 %."""
    of = profile("availability >= 99%", stages=(stage(seconds=1.0),))

    assert verdict(of).outcome == "ERROR"
    assert "needs at least n=299" in messages(of)


def test_stage_without_slo_is_shown_and_not_judged():
    """A warm-up may be slow."""
    of = profile("p95 < 500ms", stages=(stage("warmup", slo=()), stage()))
    found = verdict(of, each={"warmup": always(**SLOW)})

    assert found.outcome == "PASS"
    assert found.windows["warmup"].p95 == pytest.approx(2.0)


def test_what_breaks_while_the_generator_is_full_is_an_error():
    """It may not be the system's."""
    of = profile("p95 < 500ms")
    found = verdict(of, each={"steady": always(**SLOW)}, usage={"orders": 0.5, "generator": 0.97})

    assert found.outcome == "ERROR"
    assert "in stage steady the load generator was full" in found.reasons[0]


def test_what_breaks_while_others_have_the_machine_is_an_error():
    """1.2 of 2 cores went to programs beside the run."""
    of = profile("p95 < 500ms")

    assert "other programs had 1.20 of 2 cores" in messages(
        of, each={"steady": always(**SLOW)}, usage={"orders": 0.7, "generator": 0.1}, busy=2.0
    )


def test_what_breaks_while_a_service_is_full_is_its_own_fault():
    """That is what the profile is for; and who reads that it broke reads what was full."""
    of = profile("p95 < 500ms")
    found = verdict(of, each={"steady": always(**SLOW)}, usage={"orders": 0.97, "generator": 0.4})

    assert found.outcome == "FAIL"
    assert found.reasons[0] == "full: in stage steady orders was full (cores: orders 0.97, generator 0.40)"


def test_system_that_was_ill_before_is_an_error():
    """As with experiments."""
    ill = ProbeEvent(t=BEGAN - 1, probe="ready", met=False, detail="answered 503")

    assert verdict(profile("p95 < 500ms"), events=(ill,)).outcome == "ERROR"


ABORTED = NoteEvent(t=BEGAN + 5, what="info", text="aborted: one p95 < 500ms cannot be met any more")
TWO = (stage("one"), stage("two"))


def test_aborted_run_fails_for_what_broke_alone():
    """Stages that were not reached are not complained about; the abort is said first."""
    of = profile("p95 < 500ms", stages=TWO)
    found = verdict(of, each={"one": always(**SLOW)}, until="one", events=(ABORTED,))

    assert found.outcome == "FAIL"
    assert [reason.split(":")[0] for reason in found.reasons] == ["aborted", "one p95 < 500ms"]


def test_abort_without_a_broken_promise_is_an_error():
    """Else half a run would pass."""
    of = profile("p95 < 500ms", stages=TWO)

    assert verdict(of, until="one", events=(ABORTED,)).outcome == "ERROR"


def test_stage_that_was_not_reached_is_an_error():
    """Nothing says why."""
    of = profile("p95 < 500ms", stages=TWO)

    assert verdict(of, until="one").outcome == "ERROR"
    assert "two p95 < 500ms: the stage was never reached" in messages(of, until="one")


def healing(within=5.0):
    until = (expect("error_rate < 1%", "recovered"),)
    stages = (stage("overload", slo=()), stage("after", 20.0, slo=()))
    return profile(stages=stages, recovery=Aftermath(after="overload", until=until, within=within))


def ill_for(seconds, begin=BEGAN + 10):
    return lambda i, due: sample(due, **(FAILED if due < begin + seconds else {}))


@pytest.mark.parametrize(("seconds", "outcome"), [(3, "PASS"), (8, "FAIL"), (99, "FAIL")])
def test_recovery_counts_from_the_end_of_the_overload(seconds, outcome):
    """Three seconds are within five, eight are not, and never is never."""
    found = verdict(healing(), each={"overload": always(**FAILED), "after": ill_for(seconds)})

    assert found.outcome == outcome
    assert found.recovery.censored == (seconds == 99)


def test_capacity_is_the_last_step_that_held():
    """50 and 100 hold, 200 does not; orders was full then."""
    of = search("p95 < 500ms")
    found = judge_profile(driven(of, each={"200/s": always(**SLOW)}, usage={"orders": 0.96, "generator": 0.3}))

    assert found.verdict.outcome == "PASS"
    assert (found.capacity.held, found.capacity.broke, found.capacity.bound.resource) == (100.0, 200.0, "orders")
    assert found.capacity.requests == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("usage", "resource"),
    [
        ({"orders": 0.5, "generator": 0.97}, "generator"),
        ({"orders": 0.5, "generator": 0.2, "proxy": 0.95}, "proxy"),
        ({"orders": 0.5, "generator": 0.7, "proxy": 0.75}, "generator and proxy"),
    ],
)
def test_capacity_bound_by_the_test_itself_is_an_error(usage, resource):
    """It says nothing of the system."""
    found = judge_profile(driven(search("p95 < 500ms"), each={"200/s": always(**SLOW)}, usage=usage))

    assert found.verdict.outcome == "ERROR"
    assert found.capacity.bound.resource == resource


@pytest.mark.parametrize(
    ("usage", "resource"),
    [
        ({"orders": 0.8, "users": 0.7, "generator": 0.4}, "machine"),
        ({"orders": 0.4, "users": 0.2, "generator": 0.2}, "orders"),
    ],
)
def test_capacity_names_what_was_full(usage, resource):
    """The whole machine; or nothing, and then the busiest is named with that said."""
    found = judge_profile(driven(search("p95 < 500ms"), each={"200/s": always(**SLOW)}, usage=usage))

    assert found.verdict.outcome == "PASS"
    assert found.capacity.bound.resource == resource


@pytest.mark.parametrize(("least", "outcome"), [(80.0, "PASS"), (150.0, "FAIL")])
def test_capacity_can_be_asked_for(least, outcome):
    """`at_least`."""
    of = search("p95 < 500ms", at_least=least)

    assert verdict(of, each={"200/s": always(**SLOW)}, usage={"orders": 0.96}).outcome == outcome


def test_search_that_never_broke_says_so():
    """The capacity is above the last step."""
    found = verdict(search("p95 < 500ms"), usage={"orders": 0.3})

    assert found.outcome == "PASS"
    assert found.findings[0].message == "capacity: got more than 200/s: no step broke"


def test_search_that_broke_at_once_is_an_error():
    """There is no capacity to report: it must begin lower."""
    of = search("p95 < 500ms")

    assert verdict(of, each={"50/s": always(**SLOW)}, until="50/s", usage={"orders": 0.96}).outcome == "ERROR"


STEP = FaultStep(name="cut", fault="partition", edges=("orders->payments",))


def fault_event(what, t):
    return FaultEvent(t=t, step="cut", fault="partition", target="orders->payments", what=what, proof=f"{what}, seen")


def broken(*left_out):
    """A profile with a fault in its second stage; its history lacks these events."""
    stages = (stage("before"), stage("cut"), stage("after"))
    of = profile("undocumented_rate < 1%", stages=stages, faults=Faults(during="cut", method=(STEP,)))
    times = {"planned": 99.0, "applied": 110.5, "proven": 110.6, "removed": 120.2, "restored": 120.3}
    return of, tuple(fault_event(what, t) for what, t in times.items() if what not in left_out)


def test_documented_degradation_is_no_broken_promise_while_the_fault_lasts():
    """503 is what `degrades_to` promises for a lost `orders->payments`."""
    of, events = broken()

    assert verdict(of, each={"cut": every(3, **FAILED)}, events=events).outcome == "PASS"


def test_same_answers_after_the_fault_break_the_promise():
    """The stage after it has no excuse."""
    of, events = broken()

    assert verdict(of, each={"after": every(3, **FAILED)}, events=events).outcome == "FAIL"


@pytest.mark.parametrize("missing", ["proven", "restored"])
def test_unproven_fault_is_an_error(missing):
    """The same proof and restoration as in an experiment."""
    of, events = broken(missing)

    assert verdict(of, events=events).outcome == "ERROR"


def test_history_of_something_else_is_refused():
    """A header without a profile in it."""
    history = driven(profile("p95 < 500ms"))
    strange = replace(history, header=replace(history.header, spec={"stages": 3}))

    with pytest.raises(ProfileError, match="not a stored load profile"):
        judge_profile(strange)


def test_load_goes_on_at_the_last_stage_s_rate_until_it_is_stopped():
    """So that a stage that is not decided yet can last longer."""
    *stages, tail = shapes(profile("p95 < 500ms", stages=TWO))

    assert [one.duration for one in stages] == [10.0, 10.0]
    assert (tail.rate_at(1000.0), tail.duration) == (50.0, float("inf"))
