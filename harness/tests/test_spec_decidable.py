"""A promise that its window's samples cannot decide is refused before anything runs."""

import math

import pytest
from spec_samples import SPEC, changed, read_experiment

from windtunnel import bounds
from windtunnel.errors import SpecError
from windtunnel.spec.decidable import samples_needed
from windtunnel.spec.expression import parse_expression
from windtunnel.spec.model import Expectation

NEEDED = [
    ("p99 < 1s", 299),
    ("p99.9 < 2s", 2995),
    ("p95 < 1s", 59),
    ("p50 < 1s", 5),
    ("error_rate < 1%", 299),
    ("error_rate <= 0.1%", 2995),
    ("degraded_rate <= 100%", 1),
    ("degraded_rate >= 90%", 29),
    ("p99 > 100ms", 1),
    ("errors <= 1", 1),
    ("max < 20s", 1),
    ("error_rate <= 0%", math.inf),
    ("degraded_rate >= 100%", math.inf),
    ("error_rate <= baseline + 20% + 1%", 299),
]


def promise(text):
    metric, _, expression = text.partition(" ")
    operator, limit, shown = parse_expression(metric, expression)
    return Expectation(window="fault", metric=metric, op=operator, limit=limit, text=shown)


@pytest.mark.parametrize(("text", "needed"), NEEDED, ids=[text for text, _ in NEEDED])
def test_needed_samples_follow_from_the_confidence_bound(text, needed):
    """ln 0.05 / ln(1 - q), rounded up."""
    assert needed == samples_needed(promise(text))


@pytest.mark.parametrize("share", [0.5, 0.1, 0.05, 0.01, 0.005, 0.001])
def test_reader_and_checks_need_the_same_number(share):
    """Else the reader would accept what the verdict calls inconclusive, or the other way round."""
    needed = samples_needed(promise(f"error_rate <= {share:.1%}"))

    assert bounds.samples_needed(share) == needed
    assert bounds.upper_bound(0, needed) <= share < bounds.upper_bound(0, needed - 1)


P99 = 'place_order: {p99: "< 1500ms"}'
REFUSED = [
    (
        "everything",
        (P99, 'p99.9: "< 2s"'),
        11,
        (
            "'p99.9 < 2s' cannot be decided: 10s at 50/s give about 500 samples, 2995 are needed; "
            'lengthen the phase, raise the rate, or state a count (errors: "<= 1")'
        ),
    ),
    (
        "scenario",
        (P99, 'read_order: {p99: "< 2s"}'),
        11,
        (
            "'p99 < 2s' cannot be decided: 10s at 50/s give about 125 samples of read_order, 299 are needed; "
            'lengthen the phase, raise the rate, or state a count (errors: "<= 1")'
        ),
    ),
    (
        "route",
        (P99, 'GET /orders/{id}: {p99.9: "< 2s"}'),
        11,
        (
            "'p99.9 < 2s' cannot be decided: 10s at 50/s give about 500 samples of GET /orders/{id}, 2995 are needed; "
            'lengthen the phase, raise the rate, or state a count (errors: "<= 1")'
        ),
    ),
    (
        "never",
        (P99, 'error_rate: "<= 0%"'),
        11,
        "'error_rate <= 0%' cannot be decided by any number of samples; state a count (errors: \"<= 1\")",
    ),
    (
        "short-fault",
        ("latency: 800ms}", "latency: 800ms, at: 2s, for: 5s}"),
        11,
        (
            "'p99 < 1500ms' cannot be decided: 5s at 50/s give about 188 samples of place_order, 299 are needed; "
            'lengthen the phase, raise the rate, or state a count (errors: "<= 1")'
        ),
    ),
    (
        "no-baseline-phase",
        ("load:", "phases: {baseline: 0s}\nload:"),
        10,
        (
            "'error_rate < 1%' cannot be decided: 0s at 50/s give about 0 samples, 299 are needed; "
            'lengthen the phase, raise the rate, or state a count (errors: "<= 1")'
        ),
    ),
    (
        "baseline-against-itself",
        ('"< 1%"', '"<= baseline + 20% + 1%"'),
        9,
        "the baseline cannot be measured against itself; write an absolute limit",
    ),
]


@pytest.mark.parametrize(
    ("change", "line", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_undecidable_promise_says_what_it_would_need(tmp_path, change, line, message):
    """With the promise's line, the samples there would be, and the remedy."""
    with pytest.raises(SpecError) as caught:
        read_experiment(tmp_path, changed(SPEC, change))

    assert f"{tmp_path / 'experiment.yaml'}:{line}: {message}" == str(caught.value)


RELATIVE = changed(SPEC, ('  baseline: {error_rate: "< 1%"}\n', ""), (P99, "p95: <= baseline + 20% + 50ms"))


def test_relative_limit_needs_a_baseline_phase(tmp_path):
    """There would be nothing to be relative to."""
    with pytest.raises(SpecError) as caught:
        read_experiment(tmp_path, changed(RELATIVE, ("load:", "phases: {baseline: 0s}\nload:")))

    assert str(caught.value).endswith(
        "experiment.yaml:11: a relative limit needs a baseline phase; write for instance phases: {baseline: 8s}"
    )


def test_relative_limit_with_a_baseline_phase_is_accepted(tmp_path):
    """Even when the baseline itself promises nothing."""
    (spec,) = read_experiment(tmp_path, RELATIVE)

    assert [expectation.name for expectation in spec.slo] == ["fault p95 <= baseline + 20% + 50ms"]


def test_counts_are_decided_by_short_windows(tmp_path):
    """They are how a short experiment states its promise."""
    text = changed(SPEC, ("50/s", "1/s"), ('error_rate: "< 1%"', 'errors: "<= 0"'), ('p99: "< 1500ms"', 'max: "< 2s"'))

    assert len(read_experiment(tmp_path, text)[0].slo) == 2


def test_overlapping_steps_make_one_window(tmp_path):
    """From the first beginning to the last end."""
    second = "  - {type: fault, fault: down, edge: client->orders, at: 6s, for: 2s}\nslo:"
    text = changed(SPEC, ("latency: 800ms}", "latency: 800ms, at: 0s, for: 5s}"), ("slo:", second))

    assert len(read_experiment(tmp_path, text)[0].method) == 2
