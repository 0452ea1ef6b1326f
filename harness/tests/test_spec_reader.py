"""An experiment file becomes specs, or one clear line."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spec_samples import SPEC, changed, damaged, damages, outcome, read_experiment, unhurried

from windtunnel.errors import SpecError
from windtunnel.spec.model import (
    Expectation,
    FaultStep,
    KnownWeakness,
    Limit,
    Load,
    MixEntry,
    Phases,
    Probe,
    Recovery,
    Spec,
)

FULL = """\
spec: windtunnel/v1
id: everything
title: Orders keep answering
description: >
  Payments is slow,
  and then gone.
tags: [network, checkout]
severity: critical
phases: {warmup: 0s, baseline: 8s, fault: 60s, recovery: 20s, recovered: 8s}
load:
  arrival: constant
  rate: 3000/min
  timeout: 2s
  mix: [{scenario: place_order, weight: 3}, {scenario: read_order}]
steady-state-hypothesis:
  title: The shop is healthy
  probes:
    - {name: ready, type: probe, tolerance: [200, 204], provider: {type: http, url: "${orders}/ready", timeout: 1s}}
method:
  - {name: slow, type: fault, fault: latency, edge: orders->payments, latency: 800ms, jitter: 50ms,
     stream: upstream, toxicity: 0.5, at: 1s, for: 10s}
  - {name: cut, type: fault, fault: partition, edges: [orders->payments, client->orders], at: 20s}
  - {name: restart, type: fault, fault: restart, service: payments, grace: 1500ms, at: 50s, for: 5s}
slo:
  baseline: {error_rate: "< 1%"}
  fault:
    errors: "<= 5"
    place_order:
      p99: {expect: "< 1500ms", abort_after: 4s}
    POST /orders: {p95: "<= baseline + 20% + 50ms"}
recovery: {until: {error_rate: "< 1%", read_order: {p95: "<500ms"}}, within: 10s}
invariants: [stock_is_conserved, paid_once]
known_weakness: {expectation: "fault/place_order p99 < 1500ms", ref: docs/weaknesses.md#slow}
repeat: 2
seed: 7
"""


def test_file_becomes_a_spec_with_nothing_lost(tmp_path):
    """Seconds, shares and per-second rates; milliseconds where a toxic wants them."""
    path = tmp_path / "experiment.yaml"
    p99 = Expectation(
        window="fault",
        scope="place_order",
        metric="p99",
        op="<",
        limit=Limit(value=1.5),
        abort_after=4.0,
        text="< 1500ms",
        line=29,
    )
    expected = Spec(
        id="everything",
        path=path,
        sha256=hashlib.sha256(FULL.encode()).hexdigest(),
        title="Orders keep answering",
        description="Payments is slow, and then gone.",
        tags=("network", "checkout"),
        severity="critical",
        phases=Phases(warmup=0.0, baseline=8.0, fault=60.0, recovery=20.0, recovered=8.0),
        load=Load(
            rate=50.0,
            arrival="constant",
            timeout=2.0,
            mix=(MixEntry(scenario="place_order", weight=3.0), MixEntry(scenario="read_order", weight=1.0)),
        ),
        probes=(Probe(name="ready", url="${orders}/ready", tolerance=(200, 204), timeout=1.0, line=18),),
        method=(
            FaultStep(
                name="slow",
                fault="latency",
                edges=("orders->payments",),
                params={"latency": 800, "jitter": 50},
                stream="upstream",
                toxicity=0.5,
                at=1.0,
                duration=10.0,
                line=20,
            ),
            FaultStep(name="cut", fault="partition", edges=("orders->payments", "client->orders"), at=20.0, line=22),
            FaultStep(
                name="restart",
                fault="restart",
                service="payments",
                params={"grace": 1.5},
                at=50.0,
                duration=5.0,
                line=23,
            ),
        ),
        slo=(
            Expectation(window="baseline", metric="error_rate", op="<", limit=Limit(value=0.01), text="< 1%", line=25),
            Expectation(window="fault", metric="errors", op="<=", limit=Limit(value=5), text="<= 5", line=27),
            p99,
            Expectation(
                window="fault",
                scope="POST /orders",
                metric="p95",
                op="<=",
                limit=Limit(relative=0.2, floor=0.05),
                text="<= baseline + 20% + 50ms",
                line=30,
            ),
        ),
        recovery=Recovery(
            until=(
                Expectation(
                    window="recovered", metric="error_rate", op="<", limit=Limit(value=0.01), text="< 1%", line=31
                ),
                Expectation(
                    window="recovered",
                    scope="read_order",
                    metric="p95",
                    op="<",
                    limit=Limit(value=0.5),
                    text="< 500ms",
                    line=31,
                ),
            ),
            within=10.0,
            line=31,
        ),
        invariants=("stock_is_conserved", "paid_once"),
        known_weakness=KnownWeakness(expectation=p99.name, ref="docs/weaknesses.md#slow"),
        repeat=2,
        seed=7,
    )

    assert [expected] == read_experiment(tmp_path, FULL)


def test_what_is_left_out_has_a_default(tmp_path):
    """The id is the file's name, a fault lasts for the whole phase, a step is called after its fault."""
    (spec,) = read_experiment(tmp_path, changed(SPEC, ("name: slow, ", "")))

    assert spec.id == "experiment"
    assert Phases() == spec.phases
    assert (spec.load.arrival, spec.load.timeout) == ("poisson", 5.0)
    assert (
        spec.method[0].name, spec.method[0].at, spec.method[0].duration, spec.method[0].stream, spec.method[0].toxicity
    ) == ("latency orders->payments", 0.0, None, None, 1.0)  # fmt: skip
    assert (spec.probes, spec.recovery, spec.invariants, spec.repeat, spec.seed) == ((), None, (), 1, 0)


STEPS = [
    ("bandwidth", "fault: bandwidth, edge: orders->payments, rate: 100KB/s", {"rate": 100}),
    ("bandwidth-mega", "fault: bandwidth, edge: orders->payments, rate: 1.5MB/s", {"rate": 1500}),
    ("bytes", "fault: limit_data, edge: orders->payments, bytes: 3000B", {"bytes": 3000}),
    ("no-attributes", "fault: timeout, edge: orders->payments", {}),
    ("zero", "fault: timeout, edge: orders->payments, timeout: 0ms", {"timeout": 0}),
    (
        "many-units",
        "fault: slicer, edge: orders->payments, pieces: 3, delay: 150us, share: 50%",
        {"pieces": 3, "delay": 150, "share": 0.5},
    ),
    ("service", "fault: kill, service: payments", {}),
    ("toxicity-0", "fault: timeout, edge: orders->payments, toxicity: 0", {}),
]
STEP = "fault: latency, edge: orders->payments, latency: 800ms"


@pytest.mark.parametrize(("step", "params"), [case[1:] for case in STEPS], ids=[case[0] for case in STEPS])
def test_attributes_reach_a_fault_in_its_own_units(tmp_path, step, params):
    """Whole numbers stay ints, since Toxiproxy refuses 800.0."""
    (spec,) = read_experiment(tmp_path, changed(SPEC, (STEP, step)))

    assert params == dict(spec.method[0].params)
    assert {name: type(value) for name, value in params.items()} == {
        name: type(value) for name, value in spec.method[0].params.items()
    }


@pytest.mark.parametrize("within", ["10s", "10000ms"])
def test_known_weakness_may_be_the_recovery(tmp_path, within):
    """By the name that reports give it."""
    weakness = "known_weakness: {expectation: recovery within 10s, ref: x}"
    text = changed(SPEC, ("slo:", f'recovery: {{until: {{errors: "<= 1"}}, within: {within}}}\n{weakness}\nslo:'))

    assert (
        KnownWeakness(expectation="recovery within 10s", ref="x") == read_experiment(tmp_path, text)[0].known_weakness
    )


@unhurried
@given(damages(FULL))
def test_any_damage_is_a_spec_or_a_spec_error(tmp_path_factory, damage):
    """Lines lost, doubled, indented or cut short: never a traceback."""
    text = damaged(FULL, damage)
    specs, error = outcome(lambda: read_experiment(tmp_path_factory.mktemp("damaged"), text), SpecError)

    assert specs or "\n" not in error


@unhurried
@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_spec_or_a_spec_error(tmp_path_factory, raw):
    """Nothing a file may hold leads to any other error."""
    folder = tmp_path_factory.mktemp("any")
    with pytest.raises(SpecError) as caught:
        read_experiment(folder, raw)

    assert str(caught.value).startswith(str(folder / "experiment.yaml"))
