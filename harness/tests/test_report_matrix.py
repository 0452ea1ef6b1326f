"""The matrix says what was tried, how it went, and what nobody has tried."""

from __future__ import annotations

import pytest
from hand_written import good_events, without
from stored_runs import BROKEN, DEGRADED, store, story

from windtunnel.checks.verdict import Verdict
from windtunnel.report.matrix import LOOKS, matrix_of, state_of
from windtunnel.report.stored import read_run
from windtunnel.report.summary import merge_summary, write_part


def matrix(out, *stories):
    return matrix_of(read_run(store(out, *stories)).document)


def cell(found, target, fault):
    return next(c for c in found.cells if (c.target, c.fault) == (target, fault))


@pytest.mark.parametrize(
    ("sides", "state"),
    [
        ({}, "passed"),
        ({"fault": DEGRADED}, "degraded"),
        ({"fault": BROKEN}, "failed"),
        ({"events": without(good_events(), "restored")}, "error"),
    ],
    ids=["passed", "degraded", "failed", "error"],
)
def test_state_follows_from_verdict_and_answers(tmp_path, sides, state):
    """A pass in which users saw a declared degradation is told apart from one that they did not notice."""
    found = matrix(tmp_path, story(**sides))

    assert cell(found, "orders->payments", "partition").state == state


def test_every_combination_has_a_cell(tmp_path):
    """Edges with the faults of edges, services with those of services; what nobody tried says so."""
    found = matrix(tmp_path, story())

    assert len(found.cells) == 3 * 2 + 3 * 1
    assert cell(found, "orders->users", "latency").state == "untested"
    assert found.count("untested") == 8


def test_score_counts_what_was_never_tested_as_nothing(tmp_path):
    """One held, one failed, of nine."""
    found = matrix(tmp_path, story("a"), story("b", kind="latency", fault=BROKEN))

    assert (found.score, found.coverage) == (1 / 9, 2 / 9)


def test_unknown_covers_nothing(tmp_path):
    """An experiment that decided nothing has not tested its cell."""
    found = matrix(tmp_path, story(events=without(good_events(), "proven")))

    assert (found.count("error"), found.coverage, found.score) == (1, 0.0, 0.0)


def test_worst_run_of_a_cell_counts(tmp_path):
    """Two experiments on one cell, one of them broken: the cell failed, and shows that one's figures."""
    found = matrix(tmp_path, story("a"), story("b", fault=BROKEN))
    shared = cell(found, "orders->payments", "partition")

    assert (shared.state, shared.shown["id"], len(shared.runs)) == ("failed", "b", 2)


def test_service_faults_are_in_their_own_grid(tmp_path):
    """A killed service is a row of the second table."""
    found = matrix(tmp_path, story(edge="payments", kind="kill"))

    assert cell(found, "payments", "kill").state == "passed"
    assert [grid.kind for grid in found.grids] == ["edge", "service"]


def test_skipped_experiment_tests_nothing(tmp_path):
    """It is shown with its reason, and counts as little as one that was never written."""
    of, _ = story()
    write_part(tmp_path, "main", "a::a", of, Verdict(outcome="SKIP", errors=("no signals",)), None, None)
    entry = merge_summary(tmp_path).document["experiments"][0]

    assert state_of(entry) == "skipped"
    assert entry["faults"][0]["proven"] is False


def test_states_differ_in_symbol_and_in_word():
    """Nobody needs colours to tell them apart."""
    assert len(LOOKS) == len({look.symbol for look in LOOKS.values()}) == len({look.word for look in LOOKS.values()})
