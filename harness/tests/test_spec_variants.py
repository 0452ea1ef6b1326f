"""One file, several experiments: profiles override, a matrix multiplies."""

import pytest
from spec_samples import SPEC, changed, read_experiment

from windtunnel.errors import SpecError

NIGHTLY = "profiles:\n  nightly: {repeat: 5, phases: {fault: 60s}, load: {rate: 200/s}}\nslo:"


def with_lines(*lines):
    return changed(SPEC, ("slo:", "\n".join((*lines, "slo:"))))


def test_profile_overrides_only_what_it_names(tmp_path):
    """Everything else stays as it is."""
    (spec,) = read_experiment(tmp_path, changed(SPEC, ("slo:", NIGHTLY)), profile="nightly")

    assert (
        spec.repeat, spec.phases.fault, spec.phases.baseline, spec.load.rate, len(spec.load.mix)
    ) == (5, 60.0, 8.0, 200.0, 2)  # fmt: skip
    assert spec.id == "experiment"


@pytest.mark.parametrize("profile", ["ci", "weekly"])
def test_profile_that_the_file_does_not_have_changes_nothing(tmp_path, profile):
    """So that one option can choose for a whole folder."""
    (spec,) = read_experiment(tmp_path, changed(SPEC, ("slo:", NIGHTLY)), profile=profile)

    assert (spec.repeat, spec.phases.fault, spec.load.rate) == (1, 10.0, 50.0)


def test_ci_profile_is_used_when_the_file_has_one(tmp_path):
    """It is the profile that runs by default."""
    (spec,) = read_experiment(tmp_path, with_lines("profiles: {ci: {phases: {fault: 8s}}}"))

    assert spec.phases.fault == 8.0


def test_profile_that_is_not_asked_for_is_checked_too(tmp_path):
    """Else a nightly run would be the first to find the mistake, on its own line."""
    with pytest.raises(SpecError, match=r"experiment\.yaml:8: '200' has no unit; write 200/s or 200/min"):
        read_experiment(tmp_path, with_lines("profiles: {nightly: {load: {rate: 200}}}"))


def test_matrix_makes_one_experiment_a_value(tmp_path):
    """The id names the cell, the step has its value."""
    specs = read_experiment(tmp_path, with_lines("matrix: {latency: [100ms, 800ms]}"))

    assert [spec.id for spec in specs] == ["experiment[latency=100ms]", "experiment[latency=800ms]"]
    assert [spec.method[0].params["latency"] for spec in specs] == [100, 800]


def test_matrix_is_a_cartesian_product(tmp_path):
    """In the order of the file; a path may lead anywhere that an experiment varies."""
    specs = read_experiment(
        tmp_path, with_lines("matrix:", "  method.0.latency: [1s, 2s]", "  load.rate: [50/s, 60/s]")
    )

    assert [(spec.id, spec.method[0].params["latency"], spec.load.rate) for spec in specs] == [
        ("experiment[latency=1s,rate=50/s]", 1000, 50.0),
        ("experiment[latency=1s,rate=60/s]", 1000, 60.0),
        ("experiment[latency=2s,rate=50/s]", 2000, 50.0),
        ("experiment[latency=2s,rate=60/s]", 2000, 60.0),
    ]


def test_attribute_that_the_step_leaves_out_can_vary(tmp_path):
    """The fault's table says that the step takes it."""
    specs = read_experiment(tmp_path, with_lines("matrix: {jitter: [0ms, 5ms]}"))

    assert [spec.method[0].params["jitter"] for spec in specs] == [0, 5]


def test_same_name_in_two_steps_is_told_apart(tmp_path):
    """By the whole path, in the id too."""
    second = "  - {name: two, type: fault, fault: latency, edge: client->orders, latency: 1s}"
    matrix = "matrix: {method.0.latency: [1s], method.1.latency: [2s]}"

    (spec,) = read_experiment(tmp_path, with_lines(second, matrix))

    assert spec.id == "experiment[method.0.latency=1s,method.1.latency=2s]"


def test_matrix_multiplies_a_profile(tmp_path):
    """The matrix comes last, so it has the last word."""
    text = changed(with_lines("matrix: {load.rate: [60/s, 70/s]}"), ("slo:", NIGHTLY))

    specs = read_experiment(tmp_path, text, profile="nightly")

    assert [(spec.repeat, spec.load.rate) for spec in specs] == [(5, 60.0), (5, 70.0)]


MISTAKES = [
    ("empty", ["matrix: {latency: []}"], 8, "expected a list of at least 1, found 0"),
    ("twice", ["matrix: {latency: [1s, 1s]}"], 8, "'latency' lists a value twice; name each once"),
    ("not-scalar", ["matrix: {latency: [[1s]]}"], 8, "expected a text, found a list"),
    (
        "unknown",
        ["matrix: {latancy: [1s]}"],
        8,
        "unknown step parameter 'latancy'; known: latency, edge, fault, jitter, name, type",
    ),
    ("unknown-in-path", ["matrix: {method.0.latancy: [1s]}"], 8, "unknown key 'latancy'; known: latency, "),
    ("no-such-step", ["matrix: {method.1.latency: [1s]}"], 8, "there is nothing at 'method.1'; write it out first"),
    (
        "no-such-place",
        ["matrix: {metod.0.latency: [1s]}"],
        8,
        "unknown place 'metod'; known: method, load, phases, recovery, slo",
    ),
    ("not-written-out", ["matrix: {phases.fault: [1s]}"], 8, "there is nothing at 'phases'; write it out first"),
    (
        "into-a-text",
        ["matrix: {load.rate.x: [1s]}"],
        8,
        "there is nothing at 'load.rate.x' that could vary; write it out first",
    ),
    (
        "ambiguous",
        ["  - {type: fault, fault: latency, edge: client->orders, latency: 1s}", "matrix: {latency: [1s]}"],
        9,
        "2 steps have 'latency'; write which: method.0.latency",
    ),
    (
        "same-place",
        ["matrix: {latency: [1s], method.0.latency: [2s]}"],
        8,
        "'method.0.latency' is the same place as another line of the matrix; remove one",
    ),
    ("wrong-value", ["matrix:", "  latency: [1s,", "    2]"], 10, "'2' has no unit; write 2s or 2ms"),
    (
        "too-many",
        [f"matrix: {{latency: [{', '.join(f'{n}ms' for n in range(300))}]}}"],
        8,
        "the matrix has more than 256 cells; shorten its lists",
    ),
]


@pytest.mark.parametrize(
    ("lines", "line", "message"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES]
)
def test_mistake_in_a_matrix_names_its_own_line(tmp_path, lines, line, message):
    """Also where only the value makes the step wrong. A message that ends in a blank is cut there."""
    with pytest.raises(SpecError) as caught:
        read_experiment(tmp_path, with_lines(*lines))

    shown, expected = str(caught.value), f"{tmp_path / 'experiment.yaml'}:{line}: {message}"
    assert expected == (shown[: len(expected)] if expected.endswith(" ") else shown)
