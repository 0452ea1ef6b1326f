"""Whole experiments on a small real system: what is sound passes, each defect fails for its own reason, and whatever
is not known is an ERROR, never a pass."""

import pytest
import small_system

from windtunnel.history import FaultEvent


@pytest.fixture
def folder(tmp_path):
    small_system.write_system(tmp_path)
    return tmp_path


def failed(measured):
    return [finding.expectation for finding in measured.verdict.findings if finding.judgement == "failed"]


def test_a_sound_system_passes(folder):
    """The control: the same experiment that the defects below fail."""
    measured = small_system.measure(folder, small_system.write_spec(folder))

    assert measured.verdict.outcome == "PASS", measured.verdict.reasons
    assert measured.verdict.recovery.seconds < 3


BLACK_HOLE = 'fault: timeout, edge: "front->back"'


@pytest.mark.parametrize(
    ("defect", "fault", "expected"),
    [
        ("no timeout", BLACK_HOLE, "fault p95 < 1s"),
        ("retries without bound", 'fault: down, edge: "front->back"', "fault p95 < 1s"),
        ("broken body", 'fault: down, edge: "front->back"', "fault undocumented_rate < 5%"),
        ("never recovers", 'fault: down, edge: "front->back"', "recovery"),
    ],
)
def test_a_defect_fails_for_its_own_reason(folder, monkeypatch, defect, fault, expected):
    """FAIL, on the expectation that the defect breaks."""
    monkeypatch.setenv("DEFECT", defect)
    measured = small_system.measure(folder, small_system.write_spec(folder, fault=fault))

    assert measured.verdict.outcome == "FAIL", measured.verdict.reasons
    assert any(name.startswith(expected) for name in failed(measured)), measured.verdict.reasons


def test_a_broken_invariant_fails(folder):
    """What must always be true is judged on the system at rest."""
    measured = small_system.measure(folder, small_system.write_spec(folder, invariant="never_holds"))

    assert measured.verdict.outcome == "FAIL"
    assert "this one never holds" in "\n".join(measured.verdict.reasons)


UNKNOWN = {
    "an edge without traffic": ({"scenario": "alone"}, "no traffic"),
    "a toxicity of zero": ({"fault": 'fault: latency, edge: "front->back", latency: 200ms, toxicity: 0'}, "toxicity"),
    "a generator that runs late": ({"scenario": "heavy", "slo": 'p95: "< 100ms"'}, "late"),
    "a share too near its limit": ({"scenario": "flaky", "baseline": 'error_rate: "< 10%"'}, "inconclusive"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_not_known_is_an_error(folder, case):
    """Each of these would be a false green elsewhere."""
    changes, reason = UNKNOWN[case]
    measured = small_system.measure(folder, small_system.write_spec(folder, **changes))

    assert measured.verdict.outcome == "ERROR", measured.verdict.reasons
    assert reason in "\n".join(measured.verdict.reasons)


ON_REQUESTS = (
    'fault: http_status, edge: "front->back", match: {method: GET, path: /, every: 2}, for: 900ms}\n'
    '  - {name: lost answers, type: fault, fault: http_lose_answer, edge: "front->back", match: {path: /}, at: 1s'
)


def proofs(measured):
    events = measured.history.events
    return "\n".join(event.proof for event in events if isinstance(event, FaultEvent) and event.what == "proven")


def test_faults_on_requests_are_judged_like_any_other(folder):
    """Every second call refused by the proxy, then answers lost: front copes, and both were proven to bite."""
    measured = small_system.measure(folder, small_system.write_spec(folder, fault=ON_REQUESTS))
    shown = proofs(measured)

    assert measured.verdict.outcome == "PASS", measured.verdict.reasons
    assert "http_status downstream for method=GET path=/ every=2 read back" in shown
    assert "the record shows GET /: 503, complete" in shown
    assert "the record shows GET /: no status, reset" in shown


def test_a_fault_on_requests_that_nobody_makes_is_an_error(folder):
    """It was injected and its twin was met, but the load never came its way: not a pass."""
    fault = 'fault: http_status, edge: "front->back", match: {path: /nobody}'
    measured = small_system.measure(folder, small_system.write_spec(folder, fault=fault))

    assert measured.verdict.outcome == "ERROR", measured.verdict.reasons
    assert "no request of the load on which http_status acted" in "\n".join(measured.verdict.reasons)
