"""`summary.json` and the closing table tell what happened, from any number of workers."""

from __future__ import annotations

import json
from pathlib import Path

import stored_runs
from hand_written import every, expect, good_events, history, recovery, spec, without

from windtunnel.checks import judge
from windtunnel.checks.verdict import Verdict
from windtunnel.report.facts import facts_of
from windtunnel.report.summary import Summary, merge_summary, write_part
from windtunnel.report.terminal import closing_lines
from windtunnel.settings import Settings
from windtunnel.spec.model import KnownWeakness

OF = spec(expect("place_order p99 < 1500ms"), recovery=recovery(9.0))


def store(out, worker="gw0", item="chaos_specs/a.yaml::a", of=OF, **sides):
    """Run and judge by hand, and write the fragment."""
    whole = history(of, **sides)
    return write_part(out, worker, item, of, judge(whole), whole, out / "histories" / "a.jsonl")


def test_summary_holds_all_that_is_promised(tmp_path):
    """Every key of the documented schema, with the figures of the run."""
    store(tmp_path, fault=every(10, latency=5.0))
    merge_summary(tmp_path)

    document = json.loads((tmp_path / "summary.json").read_text())
    (experiment,) = document["experiments"]
    assert (document["schema"], document["totals"]) == ("windtunnel/summary/v1", {"FAIL": 1})
    assert experiment["reasons"] == ["fault/place_order p99 < 1500ms: got 5000ms (n=500, 10% over)"]
    assert (experiment["windows"]["fault"]) == {
        "samples": 500,
        "error_rate": 0.0,
        "p50_ms": 20.0,
        "p95_ms": 5000.0,
        "p99_ms": 5000.0,
        "degraded_rate": 0.0,
    }
    assert experiment["recovery"] == {"seconds": 0.0, "censored": False, "limit_seconds": 9.0}
    assert [experiment["faults"][0]["proven"], experiment["faults"][0]["restored"]] == [True, True]
    assert tuple(experiment["load"][key] for key in ("offered_rate", "achieved_rate", "late_share")) == (
        50.03,
        50.03,
        0.0,
    )
    assert experiment["history"] == "histories/a.jsonl"
    assert tuple(experiment["run"][key] for key in ("seed", "began_unix", "seconds")) == (7, 1_700_000_000.0, 29.0)


def test_documentation_names_every_key(tmp_path):
    """What is written is described."""
    store(tmp_path)
    (experiment,) = merge_summary(tmp_path).document["experiments"]
    described = (Path(__file__).parents[2] / "reports" / "SUMMARY.md").read_text()
    keys = {key for part in (experiment, *(v for v in experiment.values() if isinstance(v, dict))) for key in part}

    assert sorted(key for key in keys if f"`{key}`" not in described and f'"{key}"' not in described
                        and "/" not in key and key not in experiment["windows"]) == []  # fmt: skip


def test_workers_do_not_overwrite_each_other(tmp_path):
    """Each run of each worker is there, in order of the items."""
    store(tmp_path, "gw0", "b")
    store(tmp_path, "gw0", "a")
    store(tmp_path, "gw1", "c")

    assert [e["item"] for e in merge_summary(tmp_path).document["experiments"]] == ["a", "b", "c"]


def test_experiment_that_never_began_has_no_figures(tmp_path):
    """Null and empty, never zero."""
    write_part(tmp_path, "main", "a", OF, Verdict(outcome="SKIP", errors=("no signals here",)), None, None)

    (experiment,) = merge_summary(tmp_path).document["experiments"]

    assert (
        experiment["verdict"],
        experiment["reasons"],
        experiment["windows"],
        experiment["recovery"],
        experiment["load"],
        experiment["run"],
        experiment["history"],
    ) == ("SKIP", ["no signals here"], {}, None, None, {}, None)


def test_run_without_experiments_leaves_no_summary(tmp_path):
    """A run of unit tests alone has nothing to sum up."""
    summary = merge_summary(tmp_path)

    assert (closing_lines(summary, tmp_path), summary.path.exists()) == ([], False)


def test_no_half_written_file_stays_behind(tmp_path):
    """Written beside, then put in place."""
    store(tmp_path)
    merge_summary(tmp_path)

    assert list(tmp_path.rglob("*.tmp")) == []


def test_failures_are_told_first_then_the_table_worst_first(tmp_path):
    """Window, limit, figure and the command; then every experiment; then where the evidence is."""
    store(tmp_path, item="a")
    store(tmp_path, item="b", fault=every(10, latency=5.0))

    lines = closing_lines(merge_summary(tmp_path), tmp_path.parent)

    assert lines[:3] == [
        "FAIL: Orders keep answering while payments is cut off",
        "  fault     place_order p99 < 1500ms: got 5000ms (n=500, 10% over)",
        "  reproduce: pytest 'b'",
    ]
    assert [line.split()[0] for line in lines[4:8]] == ["verdict", "FAIL", "PASS", "1"]
    assert lines[-2] == f"evidence: {tmp_path.name}/summary.json"
    assert lines[-1] == f"as pages: windtunnel report {tmp_path.name}"


def test_an_error_tells_why_nothing_is_known(tmp_path):
    """A doubt is no promise, and is told all the same."""
    store(tmp_path, events=without(good_events(), "proven"))

    lines = closing_lines(merge_summary(tmp_path), tmp_path)

    assert lines[0].startswith("ERROR: ")
    assert "was not proven to bite" in " ".join(lines[1:3])


def test_a_known_weakness_has_its_reason_below_its_row(tmp_path):
    """It is no failure, so it is not told first."""
    weakness = KnownWeakness(expectation="fault/place_order p99 < 1500ms", ref="docs/weak.md")
    store(tmp_path, of=spec(*OF.slo, recovery=recovery(9.0), known_weakness=weakness), fault=every(10, latency=5.0))

    lines = closing_lines(merge_summary(tmp_path), tmp_path)

    assert lines[1].startswith("XFAIL")
    assert "got 5000ms" in lines[2]


def test_the_matrix_in_short_names_what_was_tried_and_what_never_was(tmp_path):
    """One line an edge or service, worst first; the others together."""
    stored_runs.store(
        tmp_path,
        stored_runs.story("a", fault=stored_runs.BROKEN),
        stored_runs.story("b", kind="latency", fault=stored_runs.DEGRADED),
    )
    text = "\n".join(closing_lines(merge_again(tmp_path), tmp_path))

    assert "the matrix: 1 of 9 combinations held, 2 decided (score 11.1%, coverage 22.2%)" in text
    assert "  orders->payments         failed: partition; degraded: latency\n" in text
    assert "  never tested             client->orders, orders->users, orders, payments, users\n" in text


def merge_again(out):
    """The summary that lies there already."""
    return Summary(path=out / "summary.json", document=json.loads((out / "summary.json").read_text()))


def test_table_fits_into_100_columns(tmp_path):
    """Also with the long name of a matrix cell."""
    of = spec(
        *OF.slo, id="payments_slow[latency=800ms,edge=orders->payments,stream=downstream]", recovery=recovery(9.0)
    )
    store(tmp_path, of=of, after=every(2, outcome="failed", status=500))

    lines = closing_lines(merge_summary(tmp_path), Path("/elsewhere"))

    assert max(len(line) for line in lines if not line.startswith(("evidence:", "as pages:"))) <= 100


def test_table_shows_the_figures_that_matter(tmp_path):
    """Errors under fault, p95 per window, and that recovery was not seen."""
    store(tmp_path, fault=every(2, outcome="failed", status=503), after=every(2, outcome="failed", status=500))

    lines = closing_lines(merge_summary(tmp_path), tmp_path)
    row = next(line for line in lines if line.startswith("FAIL "))

    assert row.split() == ["FAIL", "payments_refused", "50%", "20", "20", "20", ">", "10.0s"]


def test_a_topology_that_was_broken_meanwhile_costs_no_evidence(tmp_path):
    """The run is over; its summary is written, with what can still be known."""
    store(tmp_path)
    (tmp_path / "topology.yaml").write_text("half: written")

    facts = facts_of(Settings(topology=tmp_path / "topology.yaml", out=tmp_path, profile="nightly"), {"httpx": "1"})
    document = merge_summary(tmp_path, facts).document

    assert (document["system"]["services"], document["run"]["profile"]) == ([], "nightly")
    assert closing_lines(Summary(path=tmp_path / "summary.json", document=document), tmp_path) != []
