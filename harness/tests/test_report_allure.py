"""What Allure is given: places, steps with their own times, categories, environment; and its page without outsiders."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hand_written import every, expect, good_events, history, recovery, spec
from stored_runs import BROKEN, store, story

from windtunnel.checks import judge
from windtunnel.errors import BadInputError
from windtunnel.report.allure import steps_of
from windtunnel.report.allure_facts import CATEGORIES, executor, metrics, write_facts
from windtunnel.report.allure_site import build_allure, find_allure, without_outside_scripts
from windtunnel.report.stored import read_run

ROOT = Path(__file__).parents[2]
OF = spec(expect("place_order p99 < 1500ms"), expect("error_rate < 1%", "recovered"), recovery=recovery())


def steps(**sides):
    whole = history(OF, **sides)
    return {step.name: step for step in steps_of(whole, judge(whole))}


def test_phases_are_steps_with_the_times_they_had():
    """In Unix time, each as long as it was; the fault inside its phase."""
    found = steps()
    fault = found["phase fault"]

    assert list(found) == ["phase warmup", "phase baseline", "phase fault", "phase recovery", "phase recovered"]
    assert (fault.start, fault.stop) == (1_700_000_009.0, 1_700_000_019.0)
    assert fault.inner[0].name == "partition on orders->payments"
    assert fault.inner[0].stop - fault.inner[0].start == 10.0


def test_a_broken_promise_marks_its_own_phase():
    """The others stay passed."""
    found = steps(fault=BROKEN)

    assert (found["phase fault"].worst, found["phase recovered"].worst) == ("failed", "passed")


def test_a_fault_that_was_not_proven_marks_its_step():
    """Broken, which is Allure's word for not known."""
    doubtful = [
        replace(event, what="unproven") if getattr(event, "what", "") == "proven" else event for event in good_events()
    ]

    assert steps(events=doubtful)["phase fault"].worst == "broken"


MESSAGES = {
    "SLO broken": "E: FAIL: A title\n  fault/place_order p99 < 1500ms: got 5004ms (n=601, 14% over)\n  history: x",
    "Recovery too slow": "E: FAIL: A title\n  recovery within 10s: got 12.0s",
    "Invariant broken": "E: FAIL: A title\n  invariant stock_is_conserved: 3 are missing",
    "Known weakness is gone": "E: FAIL: A title\n  known weakness no longer there: fault p99 < 1s (ref): ...",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_failure_falls_into_its_category(name):
    """The first whose pattern the message has."""
    found = next(c.name for c in CATEGORIES if "failed" in c.statuses and re.search(c.pattern, MESSAGES[name]))

    assert found == name


def test_real_messages_of_every_kind_have_a_category(tmp_path):
    """Not only those that this file made up: what a judged history says."""
    of, whole = story(fault=BROKEN, after=every(2, outcome="failed", status=500))
    patterns = [c.pattern for c in CATEGORIES if "failed" in c.statuses]

    reasons = judge(whole).reasons

    assert len(reasons) == 3
    assert all(any(re.search(p, f"FAIL: {of.title}\n  {reason}") for p in patterns) for reason in reasons)


def test_facts_lie_beside_the_results(tmp_path):
    """Four files, with the figures of the summary, and nothing where there are no results."""
    document = read_run(store(tmp_path / "out", story())).document
    results = tmp_path / "allure-results"
    write_facts(results, document)
    assert not results.exists()
    results.mkdir()
    write_facts(results, document, {})

    figures = {f["key"]: f["value"] for f in json.loads((results / "windtunnel-perf.json").read_text())}
    assert figures["p95.fault.payments_cut"] == document["experiments"][0]["windows"]["fault"]["p95_ms"]
    assert figures.keys() == metrics(document).keys()
    assert "Commit=abc123\n" in (results / "environment.properties").read_text()
    assert len(json.loads((results / "categories.json").read_text())) == len(CATEGORIES)
    assert json.loads((results / "executor.json").read_text())["type"] == "local"


@pytest.mark.parametrize(
    ("environ", "kind", "address"),
    [
        ({"GITHUB_RUN_ID": "7", "GITHUB_SERVER_URL": "https://g", "GITHUB_REPOSITORY": "a/b"}, "github",
         "https://g/a/b/actions/runs/7"),
        ({"CI_JOB_ID": "9", "CI_JOB_URL": "https://l/9"}, "gitlab", "https://l/9"),
    ],
    ids=["github", "gitlab"],
)  # fmt: skip
def test_executor_names_the_ci_server(environ, kind, address):
    """With a link back to the job."""
    assert (executor(environ)["type"], executor(environ)["buildUrl"]) == (kind, address)


def test_outside_scripts_are_taken_out_and_nothing_else():
    """The tag, and what feeds it; the page's own scripts stay."""
    own = '<script>window.allure = 1;</script><script src="data:text/javascript;base64,AA=="></script>'
    tag = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>\n'
    feed = "<script>\n  window.dataLayer = window.dataLayer || [];\n gtag('js');</script>"

    assert without_outside_scripts(own + tag + feed + own).replace("\n", "") == own + own


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    """No node: one line with what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BadInputError, match="needs Node"):
        find_allure(tmp_path)


def test_allure_builds_its_page_from_a_run(tmp_path):
    """With the real command: one file, no outside script, the trend of an earlier run, counted once."""
    if shutil.which("node") is None or not (ROOT / "reports" / "node_modules" / ".bin" / "allure").is_file():
        pytest.skip("Allure is not installed in reports/ (make report does it where npm is)")
    document = read_run(store(tmp_path / "out", story())).document
    results = tmp_path / "out" / "allure-results"
    results.mkdir()
    test = {"uuid": "u1", "historyId": "h1", "fullName": "a#b", "name": "b", "status": "failed", "start": 1, "stop": 2}
    test["statusDetails"] = {"message": MESSAGES["SLO broken"]}
    (results / "u1-result.json").write_text(json.dumps(test))
    write_facts(results, document, {})
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()

    build_allure(find_allure(ROOT), results, document, first)
    for _ in range(2):
        page = build_allure(find_allure(ROOT), results, document, second, [first])

    assert "googletagmanager" not in page.read_text()
    assert page.stat().st_size > 1_000_000
    assert (second / "allure-history.jsonl").read_text().count("\n") == 1


def test_a_run_without_results_cannot_be_built(tmp_path):
    """Where, what, and what would be right."""
    document = read_run(store(tmp_path / "out", story())).document

    with pytest.raises(BadInputError, match="no Allure results"):
        build_allure(Path("allure"), tmp_path / "none", document, tmp_path)
