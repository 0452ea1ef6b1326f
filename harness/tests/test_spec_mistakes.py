"""Every mistake in an experiment file is one line: where, what, what would be right."""

from dataclasses import replace

import pytest
from spec_samples import FAULTS, SPEC, changed, read_experiment, read_shop

from windtunnel.errors import SpecError
from windtunnel.spec import read_specs

STEP = "fault: latency, edge: orders->payments, latency: 800ms"
MISTAKES = [
    ("unknown-key", ("title:", "titel:"), 2, "unknown key 'titel'; known: title, "),
    ("behaviour-not-yet", ("slo:", "behaviour: []\nslo:"), 8, "unknown key 'behaviour'; known: "),
    (
        "missing-key",
        ("title: Orders keep answering\n", ""),
        1,
        "missing key 'title'; needed: spec, title, load, method",
    ),
    (
        "format",
        ("spec: windtunnel/v1", "spec: windtunnel/v2"),
        1,
        "unknown format 'windtunnel/v2'; known: windtunnel/v1",
    ),
    (
        "title-is-number",
        ("title: Orders keep answering", "title: 5"),
        2,
        "expected a text, found the number 5; put it in quotes",
    ),
    ("id", ("load:", "id: a b\nload:"), 3, "'a b' is no name for the id; use letters, digits, '_', '.' and '-'"),
    ("tag", ("load:", "tags: [a b]\nload:"), 3, "'a b' is no name for the tag; use letters, digits, '_', '.' and '-'"),
    (
        "severity",
        ("load:", "severity: criticl\nload:"),
        3,
        "unknown severity 'criticl'; known: critical, blocker, minor, normal, trivial",
    ),
    (
        "phase",
        ("load:", "phases: {recoverd: 1s}\nload:"),
        3,
        "unknown key 'recoverd'; known: recovered, recovery, baseline, fault, warmup",
    ),
    ("phase-without-unit", ("load:", "phases: {fault: 10}\nload:"), 3, "'10' has no unit; write 10s or 10ms"),
    ("phase-empty", ("load:", "phases: {fault: 0s}\nload:"), 3, "'0s' is no time at all; write for instance 5s"),
    ("rate-without-unit", ("50/s", "50"), 4, "'50' has no unit; write 50/s or 50/min"),
    ("rate-zero", ("50/s", "0/s"), 4, "a load without arrivals shows nothing; write for instance 50/s"),
    ("arrival", ("50/s", "50/s\n  arrival: poison"), 5, "unknown arrival 'poison'; known: poisson, constant"),
    (
        "scenario",
        ("{scenario: read_order", "{scenario: raed_order"),
        5,
        "unknown scenario 'raed_order'; known: read_order, place_order",
    ),
    (
        "scenario-twice",
        ("{scenario: read_order", "{scenario: place_order"),
        5,
        "duplicate scenario 'place_order'; give it one weight",
    ),
    ("weight", ("weight: 3", "weight: 0"), 5, "a weight is above 0, found 0; leave the scenario out instead"),
    ("weight-text", ("weight: 3", "weight: '3'"), 5, "expected a number, found the text '3'"),
    (
        "empty-mix",
        ("[{scenario: place_order, weight: 3}, {scenario: read_order, weight: 1}]", "[]"),
        5,
        "expected a list of at least 1, found 0",
    ),
    (
        "empty-method",
        (f"method:\n  - {{name: slow, type: fault, {STEP}}}", "method: []"),
        6,
        "expected a list of at least 1, found 0",
    ),
    (
        "no-type",
        ("type: fault, ", ""),
        7,
        "missing key 'type'; a step is {type: fault, fault: latency, edge: a->b, ...}",
    ),
    ("type", ("type: fault", "type: action"), 7, "unknown type of step 'action'; known: fault"),
    (
        "fault",
        ("fault: latency", "fault: latancy"),
        7,
        "unknown fault 'latancy'; known: latency, bandwidth, down, kill, limit_data, partition, ",
    ),
    (
        "edge",
        ("edge: orders->payments", "edge: order->payments"),
        7,
        "unknown edge 'order->payments'; known: orders->payments, client->orders, payments->ledger",
    ),
    ("attribute", ("latency: 800ms", "latency: 800ms, jiter: 5ms"), 7, "unknown key 'jiter'; known: jitter, "),
    ("attribute-missing", (", latency: 800ms", ""), 7, "missing key 'latency'; needed: type, fault, latency"),
    ("attribute-without-unit", ("800ms", "800"), 7, "'800' has no unit; write 800s or 800ms"),
    (
        "attribute-too-fine",
        ("800ms", "150us"),
        7,
        "'150us' is not a whole number of milliseconds, the finest this fault can do",
    ),
    (
        "edge-fault-on-service",
        ("edge: orders->payments", "service: payments"),
        7,
        "the fault 'latency' is put on an edge; write edge: a->b",
    ),
    (
        "service-fault-on-edge",
        (STEP, "fault: kill, edge: orders->payments"),
        7,
        "the fault 'kill' is put on a service; write service: NAME",
    ),
    (
        "service",
        (STEP, "fault: kill, service: paymnts"),
        7,
        "unknown service 'paymnts'; known: payments, ledger, orders",
    ),
    ("nowhere", (STEP, "fault: down"), 7, "'down' is put nowhere; write edge: a->b"),
    (
        "several-edges",
        ("edge: orders->payments", "edges: [orders->payments]"),
        7,
        "'latency' takes one edge; write edge: a->b, and a step for each edge",
    ),
    (
        "edge-and-edges",
        (STEP, "fault: partition, edge: client->orders, edges: [orders->payments]"),
        7,
        "both edge and edges are given; write edge: a->b or edges: [a->b, ...]",
    ),
    (
        "edge-twice",
        (STEP, "fault: partition, edges: [orders->payments, orders->payments]"),
        7,
        "duplicate edge 'orders->payments'; name each edge once",
    ),
    ("toxicity", ("latency: 800ms", "latency: 800ms, toxicity: 1.5"), 7, "toxicity is a share from 0 to 1, found 1.5"),
    (
        "toxicity-of-no-toxic",
        (STEP, "fault: down, edge: orders->payments, toxicity: 1"),
        7,
        "unknown key 'toxicity'; known: ",
    ),
    (
        "stream",
        ("latency: 800ms", "latency: 800ms, stream: down"),
        7,
        "unknown stream 'down'; known: downstream, upstream",
    ),
    (
        "begins-late",
        ("latency: 800ms", "latency: 800ms, at: 10s"),
        7,
        "step 'slow' begins after 10s, but the fault phase lasts 10s; lengthen it",
    ),
    (
        "ends-late",
        ("latency: 800ms", "latency: 800ms, at: 6s, for: 4500ms"),
        7,
        "step 'slow' ends after 10500ms, but the fault phase lasts 10s; lengthen it",
    ),
    (
        "no-time",
        ("latency: 800ms", "latency: 800ms, for: 0s"),
        7,
        "'0s' is no time at all; leave 'for' out to last to the end",
    ),
    (
        "step-twice",
        ("slo:", "  - {name: slow, type: fault, fault: down, edge: client->orders}\nslo:"),
        8,
        "duplicate step name 'slow'; give each step a name of its own",
    ),
    ("window", ("baseline: {", "basline: {"), 9, "unknown window 'basline'; known: baseline, fault, recovered"),
    ("scope", ("place_order: {", "place_ordr: {"), 11, "unknown metric or scenario 'place_ordr'; known: place_order, "),
    ("metric", ("p99:", "p999:"), 11, "unknown metric 'p999'; known: p99.9, p99, "),
    ("expression", ('"< 1500ms"', "1500ms"), 11, "'1500ms' is not a limit of p99; write for instance \"< 500ms\""),
    ("long-form", ('"< 1500ms"', '{expct: "< 1500ms"}'), 11, "unknown key 'expct'; known: expect, abort_after"),
    (
        "recovery-too-long",
        ("slo:", 'recovery: {until: {errors: "<= 1"}, within: 20s}\nslo:'),
        8,
        "20s is not within the recovery phase of 15s; write 'phases: {recovery: ...}'",
    ),
    (
        "recovery-empty",
        ("slo:", "recovery: {until: {}, within: 2s}\nslo:"),
        8,
        'expected at least one metric, such as error_rate: "< 1%"',
    ),
    (
        "recovery-abort",
        ("slo:", 'recovery: {until: {p95: {expect: "< 1s", abort_after: 1s}}, within: 2s}\nslo:'),
        8,
        "abort_after has no meaning while recovery is awaited; remove it",
    ),
    (
        "invariant",
        ("slo:", "invariants: [paid_onze]\nslo:"),
        8,
        "unknown invariant 'paid_onze'; known: paid_once, stock_is_conserved",
    ),
    (
        "invariant-twice",
        ("slo:", "invariants: [paid_once, paid_once]\nslo:"),
        8,
        "duplicate invariant 'paid_once'; name it once",
    ),
    (
        "weakness",
        ("slo:", "known_weakness: {expectation: fault/place_order p99 < 15s, ref: x}\nslo:"),
        8,
        "unknown expectation 'fault/place_order p99 < 15s'; known: fault/place_order p99 < 1500ms, ",
    ),
    ("repeat", ("slo:", "repeat: 0\nslo:"), 8, "expected a whole number of at least 1, found 0"),
    (
        "profile-key",
        ("slo:", "profiles: {nightly: {slo: {}}}\nslo:"),
        8,
        "unknown key 'slo'; known: load, phases, repeat",
    ),
    (
        "profile-value",
        ("slo:", "profiles: {nightly: {phases: {fault: 60}}}\nslo:"),
        8,
        "'60' has no unit; write 60s or 60ms",
    ),
]


@pytest.mark.parametrize(
    ("change", "line", "message"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES]
)
def test_mistake_names_file_line_and_remedy(tmp_path, change, line, message):
    """One mistake each, put into a file that is right otherwise. A message that ends in a blank is cut there."""
    with pytest.raises(SpecError) as caught:
        read_experiment(tmp_path, changed(SPEC, change))

    shown, expected = str(caught.value), f"{tmp_path / 'experiment.yaml'}:{line}: {message}"
    assert expected == (shown[: len(expected)] if expected.endswith(" ") else shown)
    assert "\n" not in shown


PROBE = """\
steady-state-hypothesis:
  probes:
    - {name: ready, tolerance: 200, provider: {type: http, url: "${orders}/ready"}}
slo:"""
PROBE_MISTAKES = [
    ("service", ("${orders}", "${ordrs}"), "unknown service 'ordrs'; known: orders, ledger, payments"),
    (
        "no-url",
        ("${orders}/ready", "orders/ready"),
        "'orders/ready' is not a URL; write for instance \"${payments}/health/ready\"",
    ),
    (
        "lone-dollar",
        ("${orders}/ready", "${orders}/$"),
        "'${orders}/$' has a lone $; write ${service}, or $$ for a plain $",
    ),
    ("tolerance", ("tolerance: 200", "tolerance: 2000"), "expected an HTTP status from 100 to 599, found 2000"),
    ("provider", ("type: http", "type: process"), "unknown type of provider 'process'; known: http"),
    ("timeout", ('/ready"', '/ready", timeout: 2'), "'2' has no unit; write 2s or 2ms"),
]


@pytest.mark.parametrize(
    ("change", "message"), [case[1:] for case in PROBE_MISTAKES], ids=[case[0] for case in PROBE_MISTAKES]
)
def test_mistake_in_a_probe_names_file_line_and_remedy(tmp_path, change, message):
    """The probe's own line."""
    with pytest.raises(SpecError) as caught:
        read_experiment(tmp_path, changed(SPEC, ("slo:", changed(PROBE, change))))

    assert f"{tmp_path / 'experiment.yaml'}:10: {message}" == str(caught.value)


def test_experiment_that_promises_nothing_is_refused(tmp_path):
    """It could not fail, so its pass would mean nothing."""
    with pytest.raises(SpecError, match="promises nothing, so nothing can fail; add slo, recovery or invariants"):
        read_experiment(tmp_path, SPEC.partition("slo:")[0])


def test_invariants_need_a_file_that_holds_them(tmp_path):
    """The topology may name none."""
    topology = replace(read_shop(tmp_path), invariants=None)
    path = tmp_path / "x.yaml"
    path.write_text(SPEC + "invariants: [paid_once]\n")

    with pytest.raises(
        SpecError, match=r"x\.yaml:12: the topology names no invariants file; add invariants: PATH to it"
    ):
        read_specs(path, topology, faults=FAULTS)


def test_broken_scenario_file_is_a_spec_error_that_names_it(tmp_path):
    """It may have been broken since the topology was read."""
    topology = read_shop(tmp_path)
    (tmp_path / "scenarios.py").write_text("def broken(:\n")
    path = tmp_path / "x.yaml"
    path.write_text(SPEC)

    with pytest.raises(SpecError, match=r"scenarios\.py:1: not valid Python"):
        read_specs(path, topology, faults=FAULTS)
