"""A spec survives being stored as plain data: a history keeps the experiment as it was run."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spec_samples import SPEC, read_experiment, unhurried

from windtunnel.errors import SpecError
from windtunnel.spec import spec_from_plain, spec_to_plain
from windtunnel.spec.model import (
    WINDOWS,
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

texts = st.text(max_size=20)
numbers = st.floats(0, 1e6, allow_nan=False)
seconds = st.builds(Phases, warmup=numbers, baseline=numbers, fault=numbers, recovery=numbers, recovered=numbers)
limits = st.builds(
    Limit, value=st.none() | numbers | st.integers(0, 9).map(float), relative=st.none() | numbers, floor=numbers
)
expectations = st.builds(
    Expectation,
    window=st.sampled_from(WINDOWS),
    metric=texts,
    op=st.sampled_from(["<", "<=", ">", ">="]),
    limit=limits,
    scope=st.none() | texts,
    abort_after=st.none() | numbers,
    text=texts,
    line=st.integers(0, 99),
)
steps = st.builds(
    FaultStep,
    name=texts,
    fault=texts,
    edges=st.lists(texts, max_size=2).map(tuple),
    service=st.none() | texts,
    params=st.dictionaries(texts, st.integers(0, 10**9) | numbers | texts, max_size=3),
    stream=st.none() | st.sampled_from(["upstream", "downstream"]),
    toxicity=numbers,
    at=numbers,
    duration=st.none() | numbers,
    line=st.integers(0, 99),
)
specs = st.builds(
    Spec,
    id=texts,
    path=st.sampled_from(["x.yaml", "chaos_specs/orders.yaml", "/a/b.yaml"]).map(Path),
    sha256=texts,
    title=texts,
    description=texts,
    tags=st.lists(texts, max_size=2).map(tuple),
    severity=st.sampled_from(["blocker", "normal"]),
    phases=seconds,
    load=st.builds(
        Load,
        rate=numbers,
        mix=st.lists(st.builds(MixEntry, scenario=texts, weight=numbers), max_size=2).map(tuple),
        arrival=st.sampled_from(["constant", "poisson"]),
        timeout=numbers,
    ),
    probes=st.lists(
        st.builds(Probe, name=texts, url=texts, tolerance=st.lists(st.integers(100, 599), max_size=2).map(tuple)),
        max_size=2,
    ).map(tuple),
    method=st.lists(steps, max_size=2).map(tuple),
    slo=st.lists(expectations, max_size=2).map(tuple),
    recovery=st.none()
    | st.builds(Recovery, until=st.lists(expectations, max_size=2).map(tuple), within=numbers, line=st.integers(0, 99)),
    invariants=st.lists(texts, max_size=2).map(tuple),
    known_weakness=st.none() | st.builds(KnownWeakness, expectation=texts, ref=texts),
    repeat=st.integers(1, 9),
    seed=st.integers(0, 9),
)


@unhurried
@given(specs)
def test_any_spec_comes_back_from_json_as_it_was(spec):
    """Values and types: an int among the attributes stays an int."""
    back = spec_from_plain(json.loads(json.dumps(spec_to_plain(spec))))

    assert spec == back
    assert [[type(value) for value in step.params.values()] for step in spec.method] == [
        [type(value) for value in step.params.values()] for step in back.method
    ]


def test_spec_of_a_file_comes_back_as_it_was(tmp_path):
    """The way that a history takes."""
    (spec,) = read_experiment(tmp_path, SPEC)

    assert spec == spec_from_plain(json.loads(json.dumps(spec_to_plain(spec))))


DAMAGE = [
    ("not-a-mapping", lambda data: data.update(load=5), "spec.load is not a mapping"),
    ("unknown-field", lambda data: data.update(colour="red"), "spec has an unknown field 'colour'"),
    ("missing-field", lambda data: data.pop("title"), "spec lacks fields"),
    ("wrong-type", lambda data: data.update(title=5), "spec.title cannot be int '5'"),
    ("wrong-item", lambda data: data["method"][0].update(edges=[1]), "spec.method[0].edges[0] cannot be int '1'"),
    ("wrong-word", lambda data: data.update(severity="bad"), "spec.severity cannot be str 'bad'"),
    ("wrong-option", lambda data: data["method"][0].update(service=1), "spec.method[0].service cannot be int '1'"),
    ("boolean-number", lambda data: data["load"].update(rate=True), "spec.load.rate cannot be bool 'True'"),
    ("unhashable-word", lambda data: data.update(severity=[]), "spec.severity cannot be list '[]'"),
]


@pytest.mark.parametrize(("damage", "message"), [case[1:] for case in DAMAGE], ids=[case[0] for case in DAMAGE])
def test_damaged_data_says_where_it_is_wrong(tmp_path, damage, message):
    """A history may come from another version, or from a hand."""
    data = json.loads(json.dumps(spec_to_plain(read_experiment(tmp_path, SPEC)[0])))
    damage(data)

    with pytest.raises(SpecError) as caught:
        spec_from_plain(data)

    assert f"not a stored experiment: {message}" == str(caught.value)


@unhurried
@given(st.recursive(st.none() | st.booleans() | st.integers() | texts, lambda inner: st.dictionaries(texts, inner)))
def test_any_other_data_is_a_spec_error(data):
    """Nothing else is raised."""
    with pytest.raises(SpecError, match=r"^not a stored experiment: "):
        spec_from_plain(data)
