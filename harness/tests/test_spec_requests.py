"""Faults on HTTP requests as an experiment writes them: units, `match`, and mistakes in one line."""

import pytest
from spec_samples import SPEC, changed, read_shop

from windtunnel.errors import SpecError
from windtunnel.faults import SHAPES
from windtunnel.request_match import RequestMatch
from windtunnel.spec import read_specs
from windtunnel.spec.plain import spec_from_plain, spec_to_plain

STEP = "fault: latency, edge: orders->payments, latency: 800ms"


def read(folder, step):
    path = folder / "experiment.yaml"
    path.write_text(changed(SPEC, (STEP, f"{step}, edge: orders->payments")))
    (spec,) = read_specs(path, read_shop(folder), faults=SHAPES)
    return spec


STEPS = {
    "fault: http_status, status: 503, body: busy, retry_after: 2s": {"status": 503, "body": "busy", "retry_after": 2},
    "fault: http_delay, delay: 1s, jitter: 100ms": {"delay": 1000, "jitter": 100},
    "fault: http_truncate, bytes: 1KB, then: reset": {"bytes": 1000, "then": "reset"},
    "fault: http_truncate, fraction: 50%": {"fraction": 0.5},
    'fault: http_header, set: "X-A: b", remove: ETag': {"set": "X-A: b", "remove": "ETag"},
    "fault: http_corrupt_body, every: 4B": {"every": 4},
    "fault: http_lose_answer, then: hang": {"then": "hang"},
}


@pytest.mark.parametrize("step", STEPS)
def test_attributes_reach_the_fault_in_its_units(tmp_path, step):
    """Whole milliseconds, seconds and bytes; words and texts as they are."""
    spec = read(tmp_path, step)

    assert spec.method[0].params == STEPS[step]
    assert spec.method[0].match is None


def test_a_match_says_which_requests(tmp_path):
    """And survives being stored with the history."""
    match = 'match: {method: POST, path: "/orders/{id}", headers: {X-Tenant: blue}, scope: trace, first: 2}'
    spec = read(tmp_path, f"fault: http_status, {match}")

    assert spec.method[0].match == RequestMatch(
        method="POST", path="/orders/{id}", headers={"x-tenant": "blue"}, scope="trace", first=2
    )
    assert spec_from_plain(spec_to_plain(spec)) == spec


MISTAKES = {
    "fault: http_status, status: 1000": "'1000' is not a status of an answer; write one from 200 to 599, such as 503",
    "fault: http_status, retry_after: 2": "'2' has no unit; write 2s or 2ms",
    "fault: http_status, retry_after: 100ms": "'100ms' is not a whole number of seconds, the finest this fault can do",
    "fault: http_status, stream: upstream": "unknown stream 'upstream'; known: downstream",
    "fault: http_delay": "missing key 'delay'",
    "fault: http_lose_answer, then: hnag": "unknown then 'hnag'; known: hang, reset",
    "fault: http_status, match: {pth: /}": "unknown key 'pth'; known: path",
    "fault: http_status, match: {path: orders}": "match.path: 'orders' is no path; write one such as /orders/{id}",
    "fault: http_status, match: {first: 1, every: 2}": "match: first and every exclude each other; give one",
    "fault: http_status, match: {headers: {a: 7}}": "match.headers.a: want a text",
    "fault: latency, latency: 1s, match: {path: /}": "unknown key 'match'",
}


@pytest.mark.parametrize("step", MISTAKES)
def test_a_mistake_is_one_line_with_its_place(tmp_path, step):
    """File, line, what would be right."""
    with pytest.raises(SpecError) as caught:
        read(tmp_path, step)

    assert str(caught.value).startswith(f"{tmp_path / 'experiment.yaml'}:7: {MISTAKES[step]}")
