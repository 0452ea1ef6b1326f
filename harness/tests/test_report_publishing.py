"""Publishing, comparing and gating runs: what stays, what changed, and with which exit code."""

from __future__ import annotations

import json

import pytest
from hand_written import good_events, without
from stored_runs import BROKEN, DEGRADED, store, story

from windtunnel.cli import main
from windtunnel.errors import BadInputError
from windtunnel.report.changes import changes
from windtunnel.report.comment import LONGEST, comment
from windtunnel.report.gate import UNITS, check_gates, parse_gate
from windtunnel.report.promises import other_reasons
from windtunnel.report.site import publish, published_runs
from windtunnel.report.stored import read_run
from windtunnel.report.track import tracks


@pytest.fixture
def runs(tmp_path):
    """Three days: sound, broken, still broken."""
    return [
        store(tmp_path / f"day{day}", story("cut", day=day, **({"fault": BROKEN} if day else {})), commit=f"c{day}")
        for day in range(3)
    ]


def documents(runs):
    return [read_run(run).document for run in runs]


def test_runs_are_kept_side_by_side_and_the_oldest_go(runs, tmp_path):
    """Each run has a folder named after its begin; `keep` leaves the newest."""
    to = tmp_path / "published"
    for run in runs:
        last = publish(read_run(run), to, keep=2)

    assert [name for name, _ in published_runs(to)] == ["20231115-221320", "20231116-221320"]
    assert last.removed == ("20231114-221320",)
    assert (to / "index.html").read_text().count("runs/2023") == 2


def test_publishing_a_run_twice_changes_nothing(runs, tmp_path):
    """The same run has the same folder, and is not compared with itself."""
    to = tmp_path / "published"
    publish(read_run(runs[0]), to)
    first = publish(read_run(runs[1]), to)
    again = publish(read_run(runs[1]), to)

    assert (first.changes, first.folder) == (again.changes, again.folder)
    assert len(published_runs(to)) == 2


def test_a_night_is_no_measure_for_a_pull_request(runs, tmp_path):
    """A run is compared with the last one of its own profile."""
    night = json.loads((runs[1] / "summary.json").read_text())
    night["run"]["profile"] = "nightly"
    (runs[1] / "summary.json").write_text(json.dumps(night))
    to = tmp_path / "published"
    publish(read_run(runs[0]), to)

    assert publish(read_run(runs[1]), to).changes is None
    assert publish(read_run(runs[2]), to).changes[0].what == "verdict PASS -> FAIL"


def test_a_folder_with_something_else_in_it_is_refused(runs, tmp_path):
    """Old runs are removed from there one day: it must be ours."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")

    with pytest.raises(BadInputError, match="something else"):
        publish(read_run(runs[0]), tmp_path / "home")


def test_a_run_without_a_summary_is_read_from_its_histories(runs):
    """The same entries, so an old run can be shown again."""
    before = read_run(runs[1]).document["experiments"]
    (runs[1] / "summary.json").unlink()

    assert read_run(runs[1]).document["experiments"] == before


def test_a_folder_that_holds_no_run_is_one_line(tmp_path, capsys):
    """Where, what, and what would be right."""
    assert main(["report", str(tmp_path / "nowhere"), "--to", str(tmp_path / "to")]) == 2
    assert "no run here" in capsys.readouterr().err


def test_a_failure_says_since_when(runs):
    """The first run of the unbroken row, with its commit."""
    *earlier, now = documents(runs)
    (track,) = tracks(earlier, now).values()

    assert track.words == "since 2023-11-15 22:13 UTC (2 runs, commit c1)"
    assert tracks([], now)[next(iter(tracks([], now)))].words == "first run known"


def test_changes_tell_worse_from_better(runs):
    """A verdict that got worse is worse; the way back is better; a run beside itself is neither."""
    sound, broken, _ = documents(runs)

    there, back = changes(sound, broken), changes(broken, sound)
    assert (there[0].kind, there[0].what, there[0].worse) == ("worse", "verdict PASS -> FAIL", True)
    assert [change.what for change in back if change.kind == "better"] == ["verdict FAIL -> PASS"]
    assert not any(change.worse for change in back)
    assert changes(broken, broken) == []


def test_an_experiment_that_is_gone_is_worse(tmp_path):
    """Deleting a test is no way to a better run."""
    both = read_run(store(tmp_path / "a", story("cut"), story("slow", kind="latency"))).document
    one = read_run(store(tmp_path / "b", story("cut", day=1))).document

    assert [(c.name, c.kind, c.worse) for c in changes(both, one)] == [("slow", "gone", True)]


def test_figures_that_only_wobble_are_no_change(tmp_path):
    """Noise is not news: a p95 of 20 ms that became 24 ms."""
    calm = read_run(store(tmp_path / "a", story("cut"))).document
    other = json.loads(json.dumps(calm))
    other["experiments"][0]["windows"]["fault"]["p95_ms"] *= 1.2

    assert changes(calm, other) == []


@pytest.mark.parametrize(
    ("first", "second", "code"), [(0, 1, 1), (1, 0, 0), (1, 2, 0)], ids=["worse", "better", "same"]
)
def test_diff_has_its_exit_code(runs, capsys, first, second, code):
    """1 where something got worse."""
    assert main(["diff", str(runs[first]), str(runs[second])]) == code
    assert "score" in capsys.readouterr().out


def test_report_is_built_and_gated_from_the_command_line(runs, tmp_path, capsys):
    """0 without a gate, 1 with one that is shut, 3 where a figure does not exist; the comment beside it."""
    to, mark = str(tmp_path / "to"), tmp_path / "comment.md"
    plain = main(["report", str(runs[1]), "--to", to, "--markdown", str(mark), "--url", "https://example.org/r/"])

    assert plain == 0
    assert "https://example.org/r/runs/20231115-221320/" in mark.read_text()
    assert main(["report", str(runs[1]), "--to", to, "--gate"]) == 1
    assert "gate shut: failed <= 0: got 1" in capsys.readouterr().out
    assert main(["report", str(runs[0]), "--to", to, "--gate", "--gate", "recovery <= 9s"]) == 0


def test_a_figure_that_does_not_exist_opens_no_gate(tmp_path):
    """Unknown is never a pass."""
    run = read_run(store(tmp_path, story("cut"))).document
    run["experiments"][0]["recovery"] = None

    (gated,) = check_gates([parse_gate("recovery <= 10s")], run, None)

    assert gated.result == "unknown"


def test_a_system_that_was_not_seen_to_recover_shuts_every_recovery_gate(tmp_path):
    """Only `> 10 s` is known of it."""
    run = read_run(store(tmp_path, story("cut", after=BROKEN))).document
    run["experiments"][0]["recovery"] = {"seconds": 1.0, "censored": True, "limit_seconds": 9.0}

    (gated,) = check_gates([parse_gate("recovery <= 1h")], run, None)

    assert gated.result == "shut"


@pytest.mark.parametrize(
    ("text", "said"),
    [("failed", "no condition"), ("foo < 1", "known: failed"), ("score >= 10", "no unit"), ("failed <= 1.5", "count")],
)
def test_a_gate_with_a_mistake_is_one_clear_line(text, said):
    """What is wrong and what would be right."""
    with pytest.raises(BadInputError, match=said):
        parse_gate(text)


def test_every_figure_of_a_gate_exists_in_a_whole_run(runs):
    """Each of them can be open."""
    limit = {"count": "99", "share": "0%", "seconds": "1h"}
    gates = [parse_gate(f"{m} {'>=' if u == 'share' else '<='} {limit[u]}") for m, u in UNITS.items()]

    assert {g.result for g in check_gates(gates, documents(runs)[1], [])} == {"open"}


def test_comment_names_what_broke_and_how_to_see_it_again(tmp_path):
    """Failure first, escaped, the matrix in short, and never longer than a comment may be."""
    unproven = without(good_events(), "proven")
    three = (
        story("cut", fault=BROKEN),
        story("slow", kind="latency", fault=DEGRADED),
        story("odd", edge="users", kind="kill", events=unproven),
    )
    run = read_run(store(tmp_path, *three)).document

    text = comment(run, tracks([], run), None)

    assert text.index("FAIL: Orders bear \\<cut\\> & more") < text.index("ERROR: Orders bear") < text.index("| edge |")
    for part in ("got 5000ms (n=500, 10% over)", "--wt-seed=0", "| `orders->payments` |", "100% errors"):
        assert part in text
    run["experiments"] *= 400
    assert len(comment(run, tracks([], run), None)) < LONGEST + 100


def test_no_reason_is_lost_where_doubts_and_promises_meet(tmp_path):
    """An ERROR with a broken promise tells both, each once, wherever it is told."""
    mixed = story("odd", fault=BROKEN, events=without(good_events(), "proven"))
    run = read_run(store(tmp_path, mixed)).document
    (entry,) = run["experiments"]

    assert len(entry["reasons"]) == 2
    assert [reason.count("not proven to bite") for reason in other_reasons(entry)] == [1]
    text = comment(run, tracks([], run), None)
    assert (text.count("not proven to bite"), text.count("got 5000ms")) == (1, 1)
