"""Whole load profiles on a small real system: what is sound passes, what is broken fails early, what is unknown is an
ERROR; by pytest and by the command line alike."""

import json
import subprocess
import sys

import pytest
import small_system

from windtunnel.cli import main
from windtunnel.faults import SHAPES
from windtunnel.history import FaultEvent, NoteEvent, UsageEvent, read_history
from windtunnel.profiles import judge_profile, read_profile
from windtunnel.settings import Settings
from windtunnel.tunnel import Tunnel

SLOS = """\
slos: windtunnel/v1
objectives:
  well: {availability: ">= 90%", p95: "< 2s"}
  flawless: {availability: ">= 97%"}
  cut: {undocumented_rate: "< 5%", p95: "< 2s"}
"""
PROFILE = """\
profile: windtunnel/v1
title: Front holds
rate: 40/s
timeout: 4s
mix: [{{scenario: {scenario}}}]
stages:
{stages}
{more}
"""
STEADY = "  - {name: warmup, for: 500ms, rate: 50%}\n  - {name: steady, for: 2500ms, rate: 100%, slo: well}"
CUT = """\
  - {name: before, for: 2500ms, rate: 100%, slo: well}
  - {name: cut, for: 2500ms, rate: 100%, slo: cut}
  - {name: after, for: 5s, rate: 100%}"""
FAULTS = 'faults: {during: cut, method: [{name: gone, type: fault, fault: down, edge: "front->back"}]}'
RECOVERY = 'recovery: {after: cut, until: {error_rate: "< 5%"}, within: 2s}'


@pytest.fixture
def project(tmp_path, monkeypatch):
    small_system.write_system(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "load" / "profiles").mkdir(parents=True)
    (tmp_path / "load" / "slos.yaml").write_text(SLOS)
    return tmp_path


def write(project, stages=STEADY, *, more="", scenario="ask", name="steady"):
    path = project / "load" / "profiles" / f"{name}.yaml"
    path.write_text(PROFILE.format(scenario=scenario, stages=stages, more=more))
    return path


def drive(project, path):
    """Stand the system up, drive the profile once, take everything down."""
    tunnel = Tunnel(Settings(topology=project / "topology.yaml", out=project / "out"))
    try:
        of = read_profile(path, tunnel.topology, slos=project / "load" / "slos.yaml", faults=SHAPES)
        return tunnel.drive(of, lambda tick: None)
    finally:
        tunnel.close()


def events(measured, kind):
    return [event for event in measured.history.events if isinstance(event, kind)]


def test_sound_system_passes_and_the_processors_were_watched(project):
    """Every second: both services, the generator and the proxy."""
    measured = drive(project, write(project))

    assert measured.outcomes.verdict.outcome == "PASS", measured.outcomes.verdict.reasons
    assert set(events(measured, UsageEvent)[0].parts) == {"back", "front", "generator", "proxy"}


def test_stored_history_is_judged_the_same_again(project):
    """From the file alone."""
    measured = drive(project, write(project))

    assert judge_profile(read_history(measured.path)) == measured.outcomes


LONG = "  - {name: steady, for: 60s, rate: 100%, slo: flawless}"


def test_hopeless_stage_ends_the_run_early_and_says_so(project):
    """One answer of ten is a 503 and 3 % are allowed: a minute was planned, a few seconds are enough."""
    measured = drive(project, write(project, LONG, scenario="flaky"))
    notes = [note.text for note in events(measured, NoteEvent)]

    assert measured.outcomes.verdict.outcome in ("FAIL", "ERROR")
    assert any(f.expectation.startswith("steady availability") for f in measured.outcomes.verdict.findings)
    assert any(note.startswith("aborted: steady availability >= 97% cannot be met any more") for note in notes)
    assert len(measured.history.samples) < 60 * 60


def test_faults_have_the_proof_and_restoration_of_experiments(project):
    """Cut off in the middle stage, documented as 503, proven, undone, proven undone; and it recovers."""
    measured = drive(project, write(project, CUT, more=f"{FAULTS}\n{RECOVERY}\ninvariants: [the_answer_is_42]"))

    assert measured.outcomes.verdict.outcome == "PASS", measured.outcomes.verdict.reasons
    whats = [event.what for event in events(measured, FaultEvent)]
    assert (whats[0], whats[-1]) == ("planned", "restored")
    assert {"applied", "proven", "removed"} <= set(whats)
    assert measured.outcomes.verdict.windows["cut"].degraded_rate > 0.5


def test_system_that_never_recovers_fails(project, monkeypatch):
    """The control of the one above."""
    monkeypatch.setenv("DEFECT", "never recovers")
    measured = drive(project, write(project, CUT, more=f"{FAULTS}\n{RECOVERY}"))

    assert "recovery within 2s after cut" in "\n".join(measured.outcomes.verdict.reasons)
    assert measured.outcomes.verdict.outcome == "FAIL"


def test_profile_whose_invariant_is_violated_fails(project):
    """Judged on the system at rest."""
    measured = drive(project, write(project, more="invariants: [never_holds]"))

    assert measured.outcomes.verdict.outcome == "FAIL"


def run_pytest(project, *options):
    """Run it in the project: its exit code, and what it printed."""
    (project / "pytest.ini").write_text(small_system.INI)
    command = [sys.executable, "-m", "pytest", *options]
    ran = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=180, check=False)
    return ran.returncode, ran.stdout


def test_pytest_collects_profiles_and_leaves_the_evidence(project):
    """One item a file, under its own marker; verdict, summary, pictures, figures for the trend."""
    write(project)
    code, said = run_pytest(project, "-m", "load", "--wt-out=out")

    assert code == 0, said
    assert "1 passed" in said
    (entry,) = json.loads((project / "out" / "summary.json").read_text())["load_profiles"]
    assert (entry["id"], entry["verdict"], entry["stages"][1]["stage"]) == ("steady", "PASS", "steady")
    assert sorted(path.name for path in (project / "out" / "load").glob("*.png")) == [
        f"steady-{name}.png" for name in ("errors", "histogram", "latency", "rate")
    ]
    figures = json.loads((project / "out" / "allure-results" / "windtunnel-perf.json").read_text())
    assert {figure["key"] for figure in figures} >= {"p95.steady.steady"}
    (result,) = (project / "out" / "allure-results").glob("*-result.json")
    labels = {label["name"]: label["value"] for label in json.loads(result.read_text())["labels"]}
    assert (labels["epic"], labels["feature"]) == ("Load", "steady")


ASKED = {
    "ci": ((), False),
    "nightly": (("--wt-profile=nightly",), True),
    "by name": (("-k", "long_one"), True),
    "by file": (("load/profiles/long_one.yaml",), True),
}


@pytest.mark.parametrize("how", ASKED)
def test_nightly_profiles_run_at_night_or_when_they_are_asked_for(project, how):
    """By `--wt-profile`, by name, by file; else they are deselected."""
    options, collected = ASKED[how]
    write(project, more="runs: nightly", name="long_one")
    _, said = run_pytest(project, "--collect-only", "-q", *options)

    assert ("long_one.yaml::long_one" in said) == collected, said


def test_mistake_is_a_collection_error_of_one_line(project):
    """Before anything is started."""
    write(project, STEADY.replace("slo: well", "slo: wel"))
    _, said = run_pytest(project, "-m", "load")

    assert "load/profiles/steady.yaml:8: unknown objective 'wel'; known: well, cut" in said


def test_profiles_want_the_machine_for_themselves(project):
    """With two workers nothing is measured, and that is said."""
    write(project)
    _, said = run_pytest(project, "-m", "load", "-n", "2", "--wt-out=out")

    assert "1 skipped" in said
    assert "run them with -n 0 or -n 1" in said


def command(*more):
    return main(["load", *more, "--topology", "topology.yaml", "--wt-out", "out"])


def test_command_shows_a_line_a_second_and_accepts_a_run(project, capsys):
    """Exit code 0; what was accepted is what the next run is held to."""
    write(project, more='regression: {p95: "+900%"}')
    first = command("steady", "--accept")
    said = capsys.readouterr().out
    second = command("steady", "--rate", "50/s")
    again = capsys.readouterr().out

    assert (first, second) == (0, 0), said
    assert "steady: steady, 1s left, " in said
    assert ", p95 " in said
    assert "not compared: no run has been accepted yet" in said
    assert "accepted: load/baselines/steady.json" in said
    assert "not compared: another load was accepted" in again


def test_command_names_the_profiles_that_there_are(project, capsys):
    """Exit code 2."""
    write(project)

    assert command("stady") == 2
    assert "no load profile 'stady'; known in load/profiles: steady" in capsys.readouterr().err


@pytest.mark.parametrize("rate", ["50", "0/s"])
def test_command_refuses_a_rate_that_is_none(project, capsys, rate):
    """Exit code 2, one line."""
    write(project)

    assert command("steady", "--rate", rate) == 2
    assert "--rate" in capsys.readouterr().err


def test_judge_knows_histories_of_load_profiles(project, capsys):
    """`windtunnel judge`: the same command as for experiments."""
    path = drive(project, write(project)).path

    assert main(["judge", str(path)]) == 0
    assert "passed   steady availability >= 90%" in capsys.readouterr().out
