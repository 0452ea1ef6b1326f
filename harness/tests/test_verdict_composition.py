"""One verdict from all checks: nothing unproven, unknown or crashed is ever a pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hand_written import (
    DONE,
    FAULT,
    always,
    every,
    expect,
    fault_event,
    good_events,
    history,
    phases,
    recovery,
    sample,
    spec,
    with_load,
    without,
)

import windtunnel.checks
from windtunnel.checks import judge, judgement
from windtunnel.checks.generator import strayed
from windtunnel.history import HistoryWriter, InvariantEvent, NoteEvent, PhaseEvent, ProbeEvent, read_history
from windtunnel.spec.model import KnownWeakness

SLOW = every(10, latency=5.0)
P99 = expect("p99 < 1500ms")
P99_NAME = "fault p99 < 1500ms"


def verdict(*promises, changes=None, **sides):
    """The verdict on a run with these promises, read from the header as `windtunnel judge` does."""
    return judge(history(spec(*(promises or (P99,)), **(changes or {})), **sides))


def test_run_in_which_all_held_passes():
    """And nothing needs an excuse."""
    result = verdict(P99, changes={"recovery": recovery(), "invariants": ("stock_is_conserved",)})

    assert (result.outcome, result.reasons) == ("PASS", ())


def test_broken_promise_fails_with_its_line():
    """The reason is what a person reads first."""
    result = verdict(fault=SLOW)

    assert ("FAIL", (f"{P99_NAME}: got 5000ms (n=500, 10% over)",)) == (result.outcome, result.reasons)


def test_inconclusive_promise_is_an_error():
    """Too few samples to decide are never a pass."""
    assert verdict(expect("p99.9 < 1s")).outcome == "ERROR"


def test_broken_promise_beside_an_inconclusive_one_still_fails():
    """What is beyond doubt is said."""
    assert verdict(P99, expect("p99.9 < 1s"), fault=SLOW).outcome == "FAIL"


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        (without(good_events(), "applied"), "was never applied"),
        (without(good_events(), "proven"), "was not proven to bite: nothing shows it"),
        ([*good_events(), fault_event("unproven", 110.0, proof="none met it")], "was not proven to bite: none met it"),
        (without(good_events(), "removed"), "was never removed"),
        (without(good_events(), "restored"), "was not proven to be gone"),
        ([*good_events(), fault_event("unrestored", 120.0, proof="still there")], "proven to be gone: still there"),
        ([*good_events(), ProbeEvent(t=99.5, probe="orders ready", met=False)], "'orders ready' was not met"),
        ([*good_events(), NoteEvent(t=110.0, what="error", text="LoadError: died")], "LoadError: died"),
        ([e for e in good_events() if not isinstance(e, PhaseEvent) or e.name != "done"], "did not come to its end"),
        (with_load(sent=1300), "only 89.7% of 1450 arrivals were sent"),
        (with_load(late_p99=1.7, late_share=0.3), "the generator ran late: p99 1700ms behind, 30% of requests late"),
        (with_load(sent=0), "1450 arrivals were due, 0 were sent"),
        (good_events()[:-1], "left no report"),
    ],
    ids=[
        "never-applied", "never-proven", "unproven-on-load", "never-removed", "never-restored", "unrestored",
        "steady-state", "harness-error", "broke-off", "sent-too-few", "ran-late", "sent-none", "no-report",
    ],
)  # fmt: skip
@pytest.mark.parametrize("fault", [None, SLOW], ids=["held", "broken"])
def test_evidence_that_is_no_good_is_an_error_whatever_was_seen(events, reason, fault):
    """Neither a pass nor a fail rests on it."""
    result = verdict(fault=fault, events=events)

    assert result.outcome == "ERROR"
    assert any(reason in line for line in result.errors)


def test_requests_sent_only_after_their_window_are_an_error():
    """They were due while the edge was broken, and never met the fault."""
    late = lambda i, due: sample(due, 2.1, start=due + 2.0) if due > 118.0 else sample(due)  # noqa: E731

    result = verdict(expect("error_rate < 1%"), fault=late)

    assert result.outcome == "ERROR"
    assert any("requests due in window fault were sent only after it" in line for line in result.errors)


@pytest.mark.parametrize(
    ("sent", "told"), [(1.55, None), (1.65, "load: 2 of 60 requests due in it were sent only after it")]
)
def test_short_pause_at_the_border_of_a_window_is_no_generator_that_did_not_keep_up(sent, told):
    """Of a short window, what is due within it would be more than 1 %."""
    samples = [sample(number / 40, start=sent if number >= 58 else number / 40) for number in range(60)]

    assert strayed(samples, "it", (0.0, 1.5)) == told


def test_trouble_of_the_generators_own_is_an_error():
    """A request that never left the machine says nothing about the system."""
    result = verdict(fault=every(400, outcome="failed", status=None, error="generator: too many open files"))

    assert result.outcome == "ERROR"
    assert "load: 2 requests failed by the generator's own doing: generator: too many open files" in result.errors


def test_steady_state_probe_that_was_met_in_the_end_is_fine():
    """Waiting for readiness is not an error."""
    early = ProbeEvent(t=98.0, probe="orders ready", met=False, detail="refused")

    assert verdict(events=[early, *good_events()]).outcome == "PASS"


def test_run_without_any_promise_does_not_pass():
    """Nothing was judged."""
    of = spec()

    assert judge(history(of), of).outcome == "ERROR"


def test_system_that_does_not_come_to_rest_is_an_error():
    """But it does not hide a broken promise."""
    events = [*good_events(), NoteEvent(t=DONE, what="quiet", text="backlog of 3")]

    assert (verdict(events=events).outcome, verdict(events=events, fault=SLOW).outcome) == ("ERROR", "FAIL")


@pytest.mark.parametrize(
    ("event", "outcome", "message"),
    [
        ({}, "PASS", "invariant paid_once: holds"),
        ({"violations": ("7 is\npaid twice", "9 too")}, "FAIL", "invariant paid_once: 7 is paid twice (and 1 more)"),
        ({"error": "HTTPError: 500"}, "ERROR", "invariant paid_once: could not be evaluated: HTTPError: 500"),
        (None, "ERROR", "invariant paid_once: was never evaluated"),
    ],
    ids=["holds", "violated", "error", "missing"],
)  # fmt: skip
def test_invariant_is_judged(event, outcome, message):
    """What must be true whatever broke; unknown is not true."""
    of = spec(P99, invariants=("paid_once",))
    events = [] if event is None else [InvariantEvent(t=DONE, invariant="paid_once", **event)]
    bare = history(spec(P99), events=good_events() + events)

    result = judge(bare, of)

    assert (outcome, message) == (result.outcome, result.findings[-1].message)


def test_crashed_check_is_unknown(monkeypatch):
    """A check that crashes knows nothing, and the others still count."""

    def crash(history, spec):
        raise KeyError("no such thing")

    monkeypatch.setattr(judgement, "CHECKS", {**judgement.CHECKS, "broken": crash})
    result = verdict()

    assert result.outcome == "ERROR"
    assert result.reasons == ("check broken crashed: KeyError: 'no such thing'",)


def test_unknown_metric_is_unknown():
    """A hand-made spec may hold anything."""
    assert verdict(replace(P99, metric="speed")).outcome == "ERROR"


class TestKnownWeakness:
    """Strict: exactly the named promise breaks, or it is not an expected failure."""

    def weak(self, name, *promises, **sides):
        changes = {"known_weakness": KnownWeakness(expectation=name, ref="docs/weak.md")}
        return verdict(*(promises or (P99,)), changes=changes, **sides)

    def test_the_named_promise_alone_broken_is_expected(self):
        """XFAIL."""
        assert self.weak(P99_NAME, fault=SLOW).outcome == "XFAIL"

    def test_another_promise_broken_as_well_fails(self):
        """Only the named one is forgiven."""
        assert self.weak(P99_NAME, P99, expect("max < 2s"), fault=SLOW).outcome == "FAIL"

    def test_the_named_promise_held_fails(self):
        """The weakness is gone: take the note away."""
        result = self.weak(P99_NAME)

        assert result.outcome == "FAIL"
        assert result.reasons[0].startswith(f"known weakness no longer there: {P99_NAME} (docs/weak.md)")

    def test_anything_unknown_beside_it_is_an_error(self):
        """An expected failure must not hide what could not be decided."""
        assert self.weak(P99_NAME, P99, expect("p99.9 < 10s"), fault=SLOW).outcome == "ERROR"

    def test_name_of_no_promise_is_an_error(self):
        """A typing mistake does not forgive anything."""
        assert self.weak("fault p98 < 1500ms").outcome == "ERROR"

    def test_unproven_fault_is_an_error(self):
        """Nor does bad evidence."""
        assert self.weak(P99_NAME, fault=SLOW, events=without(good_events(), "proven")).outcome == "ERROR"


def test_windows_have_figures_for_all_and_for_each_scope():
    """What reports show."""
    result = verdict(expect("place_order p99 < 1500ms"), fault=always(latency=0.04))

    assert {
        "baseline", "baseline/place_order", "fault", "fault/place_order", "recovered", "recovered/place_order"
    } == set(result.windows)  # fmt: skip
    assert (
        result.windows["fault"].samples,
        result.windows["fault"].error_rate,
        round(result.windows["fault"].p50, 6),
    ) == (500, 0.0, 0.04)


def test_stored_history_gets_the_same_verdict(tmp_path):
    """`windtunnel judge` says what the run said."""
    run = history(spec(P99, recovery=recovery()), fault=SLOW)
    path = tmp_path / "h.jsonl"
    with HistoryWriter(path, run.header) as writer:
        for event in run.events:
            writer.append(event)
        writer.add_samples(run.samples)

    assert judge(run) == judge(read_history(path))


def test_killed_run_is_an_error(tmp_path):
    """Its history breaks off."""
    path = tmp_path / "h.jsonl"
    with HistoryWriter(path, history(spec(P99)).header) as writer:
        for event in phases()[:2]:
            writer.append(event)
        writer.add_samples([sample(FAULT - 5)])
    path.write_text(path.read_text()[:-9])

    result = judge(read_history(path))

    assert result.outcome == "ERROR"
    assert "the history breaks off in line 4: the run was killed" in result.errors


def test_public_names_of_the_checks_exist():
    """`__all__` is the package's promise."""
    assert all(hasattr(windtunnel.checks, name) for name in windtunnel.checks.__all__)
