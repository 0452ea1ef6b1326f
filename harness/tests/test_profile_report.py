"""What a load profile leaves: its entry in the summary, rows in the terminal, pictures, figures for a trend, gates."""

import json

import pytest
from hand_written import always, every
from profile_samples import driven, profile, search, stage

from windtunnel.profiles import judge_profile
from windtunnel.profiles.model import Target
from windtunnel.report.allure_facts import metrics, write_facts
from windtunnel.report.gate import check_gates, parse_gate
from windtunnel.report.load_entry import load_entry
from windtunnel.report.load_plots import PLOTS, render_plots
from windtunnel.report.load_terminal import profile_lines, stage_lines
from windtunnel.report.outdir import prepare
from windtunnel.report.stored import read_run
from windtunnel.report.summary import merge_summary, write_load_part
from windtunnel.report.terminal import closing_lines

FAILED = {"status": 503, "outcome": "failed", "error": "expectation: status 503, wanted 200"}
SLOW = {"latency": 2.0}
USAGE = {"orders": 0.96, "generator": 0.3}


def entry(of, **run):
    history = driven(of, **run)
    return load_entry(
        "load/profiles/steady.yaml::steady", of, judge_profile(history), history, "windtunnel load steady"
    )


def good():
    of = profile("availability >= 99%", "p95 < 500ms", target=Target(rate=1000.0, of="requests of each service"))
    return entry(of, usage=USAGE)


def test_entry_holds_figures_of_every_stage():
    """Rates asked and answered, cores, errors by kind."""
    of = profile("availability >= 50%", stages=(stage("warmup", slo=()), stage()))
    (_, steady) = entry(of, each={"steady": every(5, **FAILED)}, usage=USAGE)["stages"]

    assert (steady["stage"], steady["from_rate"], steady["to_rate"]) == ("steady", 50.0, 50.0)
    assert steady["requests_rate"] == pytest.approx(50, rel=0.02)
    assert steady["cores"] == {"orders": 0.96, "generator": 0.3, "others": 0.0}
    assert steady["errors"] == {FAILED["error"]: 100}


def test_entry_of_a_search_names_the_capacity_and_its_bound():
    """For programs: rates and the resource."""
    found = entry(search("p95 < 500ms"), each={"200/s": always(**SLOW)}, usage=USAGE)["capacity"]

    assert (found["held_rate"], found["broke_rate"], found["bound"]) == (100.0, 200.0, "orders")


def test_entry_survives_as_json():
    """No figure is anything else than JSON's."""
    assert json.loads(json.dumps(good())) == good()


def test_rows_show_the_worst_judged_stage():
    """A slow warm-up is not what is told."""
    of = profile("p95 < 500ms", stages=(stage("warmup", slo=()), stage()))
    row = profile_lines([entry(of, each={"warmup": always(**SLOW)})])[-1]

    assert row.split() == ["PASS", "steady", "steady", "50", "50/s", "0%", "20"]


def test_what_broke_comes_first():
    """With its reason and how to see it again."""
    lines = profile_lines([good(), entry(profile("p95 < 500ms"), each={"steady": always(**SLOW)})])

    assert lines[:3] == [
        "FAIL: load profile steady: The shop holds",
        "  steady p95 < 500ms: got 2000ms (n=500, 100% over)",
        "  reproduce: windtunnel load steady",
    ]


def test_stages_are_told_with_budget_and_target():
    """What was aimed at stands beside what was driven."""
    text = "\n".join(stage_lines(good()))

    assert "steady: availability 100%, burn rate 0 of shop, 0% of the period's budget spent" in text
    assert "target: 1000/s requests of each service; this run: 50 arrivals/s" in text


def test_every_kind_of_picture_is_drawn():
    """PNGs, by the name of the attachment."""
    of = profile("p95 < 500ms", stages=(stage("warmup", slo=()), stage()))
    pictures = render_plots(driven(of, each={"steady": every(7, **FAILED)}), of)

    assert list(pictures) == ["latency", "histogram", "rate", "errors"] == list(PLOTS)
    assert all(picture.startswith(b"\x89PNG") for picture in pictures.values())


def test_nothing_is_drawn_of_nothing():
    """A run that never got a request."""
    of = profile("p95 < 500ms", stages=(stage(rate=0.0),))

    assert render_plots(driven(of), of) == {}


@pytest.fixture
def out(tmp_path):
    """The folder of a run of two profiles: one passed, one failed."""
    prepare(tmp_path)
    bad = entry(search("p95 < 500ms", at_least=150.0), each={"200/s": always(**SLOW)}, usage=USAGE)
    write_load_part(tmp_path, "main", good())
    write_load_part(tmp_path, "main", {**bad, "item": "load/profiles/stress.yaml::stress", "id": "stress"})
    return tmp_path


def test_summary_has_the_profiles_beside_the_experiments(out):
    """A key of its own: readers of experiments need not know it."""
    document = json.loads(merge_summary(out).path.read_text())

    assert document["experiments"] == []
    assert [one["id"] for one in document["load_profiles"]] == ["steady", "stress"]
    assert document["run"]["began_unix"] is not None


def test_run_without_profiles_has_no_such_key(tmp_path):
    """Nothing changes for who runs experiments alone."""
    assert "load_profiles" not in merge_summary(tmp_path).document


def test_terminal_shows_profiles_when_no_experiment_ran(out):
    """And where the evidence is."""
    lines = closing_lines(merge_summary(out), out)

    assert lines[-1] == "evidence: summary.json"
    assert any(line.split()[:2] == ["PASS", "steady"] for line in lines)


def test_broken_profile_shuts_the_gate(out):
    """Else a report would be green over a broken SLO."""
    merge_summary(out)
    (gated,) = check_gates([parse_gate("failed <= 0")], read_run(out).document, None)

    assert gated.result == "shut"


def test_trend_has_p95_of_stages_and_the_capacity(out):
    """With unit and direction, as Allure 3 wants them declared."""
    (out / "allure-results").mkdir()
    document = merge_summary(out).document
    write_facts(out / "allure-results", document, {})
    figures = {
        one["key"]: one["value"] for one in json.loads((out / "allure-results/windtunnel-perf.json").read_text())
    }

    assert figures["p95.steady.steady"] == pytest.approx(20)
    assert figures["capacity.stress"] == 100.0
    assert metrics(document)["capacity.stress"]["better"] == "higher"
