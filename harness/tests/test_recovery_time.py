"""Recovery begins with the first good stretch after which it holds; what nobody saw is not recovery."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hand_written import DONE, REMOVED, every, expect, good_events, history, recovery, sample, spec, without

from windtunnel.checks.recovery import judge_recovery, recovered_at

BAD = {"status": 503, "outcome": "failed"}
UNTIL = recovery().until


def bad_when(*spans):
    """Requests due in these seconds since the removal are bad."""
    return lambda i, due: sample(due, **(BAD if any(a <= due - REMOVED < b for a, b in spans) else {}))


def since_removal(after, until=UNTIL, **changes):
    """Seconds until recovery."""
    at = recovered_at(history(after=after, **changes), until, REMOVED)
    return None if at is None else round(at - REMOVED, 3)


def test_system_that_was_never_ill_recovers_at_once():
    """The first request after the removal begins a good stretch."""
    assert since_removal(None) == 0.0


def test_recovery_begins_behind_the_last_bad_request():
    """Three seconds of errors, and then none."""
    assert since_removal(bad_when((0, 3))) == 3.0


def test_relapse_begins_recovery_anew():
    """Good for three seconds does not count when it does not hold."""
    assert since_removal(bad_when((0, 1), (4, 5))) == 5.0


def test_one_bad_request_of_many_is_no_relapse():
    """One in three hundred keeps to `error_rate < 1%`; a machine's hiccup does not undo a recovery."""
    assert since_removal(bad_when((0, 1), (6, 6.01))) == 1.0


def test_system_that_always_fails_a_few_never_recovers():
    """One in thirty is no stretch of a hundred, nor good on the whole."""
    assert since_removal(every(30, **BAD)) is None


def test_system_that_fails_to_the_end_never_recovers():
    """The last seconds are bad, so nothing holds to the end."""
    assert since_removal(bad_when((9, 10))) is None


def test_recovery_needs_a_hundred_requests():
    """Nine and a half seconds at five a second are not enough."""
    assert since_removal(None, rate=5.0) is None


def test_recovery_needs_a_whole_second():
    """A hundred requests at 1000/s pass in a tenth of one."""
    burst = history()
    few = tuple(s for s in burst.samples if s.due < REMOVED)
    quick = tuple(sample(REMOVED + i / 1000) for i in range(400))

    assert recovered_at(replace(burst, samples=few + quick), UNTIL, REMOVED) is None


def test_gap_without_requests_is_not_good():
    """Nobody knows what happened in these two seconds; recovery is what came after."""
    whole = history()
    gap = tuple(s for s in whole.samples if not REMOVED + 2 <= s.due < REMOVED + 4)

    assert round(recovered_at(replace(whole, samples=gap), UNTIL, REMOVED) - REMOVED, 3) == 4.0


def test_every_part_of_until_must_be_met():
    """Answers come again after a second, but slow ones until the fourth."""
    slow = lambda i, due: sample(due, 2.0 if due < REMOVED + 4 else 0.02)  # noqa: E731
    until = (*UNTIL, expect("p95 < 500ms", "recovered"))

    # Five of the hundred may be over p95's limit.
    assert since_removal(slow, until) == 3.9


def test_scope_without_requests_is_not_recovered():
    """Nothing is known of a scenario that was not run."""
    assert since_removal(None, (expect("read_order error_rate < 1%", "recovered"),)) is None


def test_count_in_until_is_allowed_per_stretch():
    """`errors <= 1` is kept by one error in each hundred, however long that goes on."""
    assert since_removal(every(150, **BAD), (expect("errors <= 1", "recovered"),)) == 0.0


@pytest.mark.parametrize(
    ("after", "within", "judgement", "message"),
    [
        (None, 10.0, "passed", "recovery within 10s: got 0.0s"),
        (bad_when((0, 5)), 4.0, "failed", "recovery within 4s: got 5.0s"),
        (every(2, **BAD), 9.0, "failed", "recovery within 9s: > 10.0s (censored)"),
        (
            every(2, **BAD),
            15.0,
            "unknown",
            "recovery within 15s: inconclusive: not recovered, but watched for 10.0s only",
        ),
    ],
    ids=["at-once", "too-late", "never", "not-watched-long-enough"],
)
def test_recovery_is_judged(after, within, judgement, message):
    """A number with a limit, or `> seconds` when it was never seen."""
    of = spec(recovery=recovery(within))

    finding, figure = judge_recovery(history(of, after=after), of)

    assert (judgement, message) == (finding.judgement, finding.message)
    assert within == figure.limit


def test_figure_of_a_system_that_never_recovered_is_censored():
    """Known is only how long it was watched."""
    of = spec(recovery=recovery(9.0))

    _, figure = judge_recovery(history(of, after=every(2, **BAD)), of)

    assert (True, round(DONE - REMOVED, 1)) == (figure.censored, round(figure.seconds, 1))


def test_fault_that_was_never_removed_leaves_recovery_unknown():
    """There is nothing to count from."""
    of = spec(recovery=recovery())

    finding, figure = judge_recovery(history(of, events=without(good_events(), "removed")), of)

    assert (finding.judgement, figure) == ("unknown", None)


def test_spec_without_recovery_clause_promises_nothing():
    """So there is no finding."""
    assert judge_recovery(history(), spec()) is None


def test_runner_can_ask_before_anything_came_back():
    """No sample yet: not recovered, so far."""
    assert recovered_at(replace(history(), samples=()), UNTIL, REMOVED) is None
