"""What changed between two runs, for each kind of test that both of them have."""

import copy
import json

import pytest
from stored_kinds import WINDOW, cell, fuzz, profile
from stored_runs import BROKEN, store, story

from windtunnel.cli import main
from windtunnel.report.changes import changes, compared
from windtunnel.report.site import publish
from windtunnel.report.stored import read_run, read_summary

SPEC = {"path": "load/profiles/steady.yaml", "sha256": "a"}
CAPACITY = {"held_rate": 120.0, "held_requests_rate": 200.0, "broke_rate": 160.0, "reason": "", "bound": "orders",
            "usage_cores": {}}  # fmt: skip


@pytest.fixture
def nothing(tmp_path):
    """The summary of a run without experiments."""
    return {**read_summary(store(tmp_path, story()) / "summary.json"), "experiments": [], "totals": {}}


def load(document, *, verdict="PASS", **more):
    return {**document, "load_profiles": [profile(verdict, spec=SPEC, **more)]}


def told(before, after):
    return [(change.kind, change.what, change.worse) for change in changes(before, after)]


def test_a_profile_that_no_longer_holds_is_worse(nothing):
    """And better on the way back."""
    there, back = load(nothing), load(nothing, verdict="FAIL")

    assert told(there, back) == [("worse", "verdict PASS -> FAIL", True)]
    assert told(back, there) == [("better", "verdict FAIL -> PASS", False)]
    assert told(there, there) == []


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({"windows": {"steady": {**WINDOW, "p95_ms": 300.0}}}, "steady p95 871 ms -> 300 ms"),
        ({"windows": {"steady": {**WINDOW, "error_rate": 0.0}}}, "steady errors 25% -> 0%"),
        ({"capacity": {**CAPACITY, "held_rate": 80.0}}, "capacity 120/s -> 80/s"),
        (
            {"recovery": {"seconds": 9.0, "censored": False, "limit_seconds": 10.0}},
            "recovery 2.0 s -> 9.0 s",
        ),
    ],
    ids=["p95", "errors", "capacity", "recovery"],
)
def test_a_figure_of_a_profile_that_moved_is_told(nothing, after, said):
    """With the stage that it belongs to."""
    recovery = {"seconds": 2.0, "censored": False, "limit_seconds": 10.0}
    before = {"capacity": CAPACITY, "recovery": recovery}

    assert told(load(nothing, **before), load(nothing, **{**before, **after})) == [("figure", said, False)]


def test_a_capacity_within_one_step_of_the_search_is_no_change(nothing):
    """The next step would be that much further up."""
    near = {**CAPACITY, "held_rate": 140.0}

    assert told(load(nothing, capacity=CAPACITY), load(nothing, capacity=near)) == []


def test_fuzzed_cells_are_compared_one_by_one(nothing):
    """One broke, one is new, one is gone."""
    before = {**nothing, "fuzz": fuzz(cell(), cell(fault="slow"))}
    after = {**nothing, "fuzz": fuzz(cell("FAIL"), cell(fault="truncated"))}

    assert told(before, after) == [
        ("worse", "verdict PASS -> FAIL", True),
        ("gone", "no longer run; it was PASS", True),
        ("new", "new: PASS", False),
    ]


def test_what_only_one_of_the_runs_has_is_not_compared(nothing, tmp_path):
    """A run of load profiles does not say that the experiments are gone."""
    experiments = read_run(store(tmp_path / "other", story())).document

    assert compared(experiments, load(nothing)) == set()
    assert told(experiments, load(nothing)) == []
    assert compared(load(experiments), load(nothing)) == {"load profile"}


def test_diff_says_what_it_did_not_compare(nothing, tmp_path, capsys):
    """And is not content with nothing at all."""
    names = {"load": load(nothing), "fuzz": {**nothing, "fuzz": fuzz(cell())}}
    names["both"] = {**copy.deepcopy(names["load"]), "fuzz": fuzz(cell())}
    for name, document in names.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(json.dumps(document))
    codes = [main(["diff", str(tmp_path / "load"), str(tmp_path / name)]) for name in ("both", "fuzz")]
    said = capsys.readouterr().out

    assert codes == [0, 3]
    assert "fuzzed cells: in one of the runs only, not compared" in said
    assert "nothing to compare" in said


def test_a_run_is_compared_with_the_last_of_its_kind(nothing, tmp_path):
    """Load profiles that ran between two nights of experiments are passed over."""
    first = store(tmp_path / "first", story())
    between = {**load(nothing), "run": {**nothing["run"], "began_unix": 1_700_043_200.0}}
    (tmp_path / "between").mkdir()
    (tmp_path / "between" / "summary.json").write_text(json.dumps(between))
    second = store(tmp_path / "second", story(day=1, fault=BROKEN))
    to = tmp_path / "published"
    published = [publish(read_run(run), to) for run in (first, tmp_path / "between", second)]

    assert [run.changes is None for run in published] == [True, True, False]
    assert [change.what for change in published[2].changes if change.worse] == ["verdict PASS -> FAIL"]
    assert "No earlier run of its kind" in (published[1].folder / "index.html").read_text()
