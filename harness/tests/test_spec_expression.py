"""Expressions: an operator, and an absolute bound or one relative to the baseline, in the metric's own unit."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spec_samples import unhurried

from windtunnel.spec.expression import METRICS, metric_kind, parse_expression, percentile
from windtunnel.spec.model import Limit

GOOD = [
    ("error_rate", "< 1%", ("<", Limit(value=0.01), "< 1%")),
    ("error_rate", "<= 0.1%", ("<=", Limit(value=0.001), "<= 0.1%")),
    ("degraded_rate", "<= 100%", ("<=", Limit(value=1.0), "<= 100%")),
    ("degraded_rate", ">=90%", (">=", Limit(value=0.9), ">= 90%")),
    ("errors", "<= 1", ("<=", Limit(value=1), "<= 1")),
    ("undocumented", "<= 0", ("<=", Limit(value=0), "<= 0")),
    ("p99", "<1500ms", ("<", Limit(value=1.5), "< 1500ms")),
    ("p99.9", "  <   2s ", ("<", Limit(value=2.0), "< 2s")),
    ("p90", "> 100ms", (">", Limit(value=0.1), "> 100ms")),
    ("max", "< 20s", ("<", Limit(value=20.0), "< 20s")),
    ("p95", "<= baseline + 20% + 50ms", ("<=", Limit(relative=0.2, floor=0.05), "<= baseline + 20% + 50ms")),
    ("p95", "<= baseline  +50ms", ("<=", Limit(relative=0.0, floor=0.05), "<= baseline +50ms")),
    ("error_rate", "<= baseline + 20% + 1%", ("<=", Limit(relative=0.2, floor=0.01), "<= baseline + 20% + 1%")),
]

BAD = [
    ("error_rate", "< 1", "error_rate: '1' has no unit; write 1% (for instance \"< 1%\")"),
    (
        "error_rate",
        "< 50ms",
        "error_rate: '50ms' is not a percentage: unknown unit 'ms'; known: % (for instance \"< 1%\")",
    ),
    ("error_rate", "< 120%", "error_rate is a share of requests, so 120% is too much; write at most 100%"),
    ("p99", "< 1%", "p99: '1%' is not a duration: unknown unit '%'; known: us, ms, s, m, h (for instance \"< 500ms\")"),
    ("p99", "< 1500", "p99: '1500' has no unit; write 1500s or 1500ms (for instance \"< 500ms\")"),
    ("p99", "1500ms", "'1500ms' is not a limit of p99; write for instance \"< 500ms\""),
    ("p99", "== 1s", "'== 1s' is not a limit of p99; write for instance \"< 500ms\""),
    ("p99", "<", "'<' is not a limit of p99; write for instance \"< 500ms\""),
    ("p99", "< 0s", "'p99 < 0s' can never hold; write \"<= 0s\" or a higher limit"),
    ("errors", "<= 1%", "errors: '1%' is not a count; write a whole number such as 1 (for instance \"<= 1\")"),
    ("errors", "< 0", "'errors < 0' can never hold; write \"<= 0\" or a higher limit"),
    ("errors", "<= baseline + 1", "errors is a count and cannot be relative to the baseline; use a rate"),
    ("p95", "<= baseline", "'baseline' is not a relative limit with a floor; write \"<= baseline + 20% + 50ms\""),
    (
        "p95",
        "<= baseline + 20%",
        "'baseline + 20%' is not a relative limit with a floor; write \"<= baseline + 20% + 50ms\"",
    ),
    (
        "p95",
        "<= baseline * 2",
        "'baseline * 2' is not a relative limit with a floor; write \"<= baseline + 20% + 50ms\"",
    ),
    (
        "error_rate",
        "<= baseline + 20%",
        "'baseline + 20%' is not a relative limit with a floor; write \"<= baseline + 20% + 1%\"",
    ),
    ("p95", "<= baseline + 20 + 50ms", "'20' has no unit; write 20%"),
]


@pytest.mark.parametrize(("metric", "text", "parsed"), GOOD, ids=[f"{m} {t.strip()}" for m, t, _ in GOOD])
def test_expression_is_operator_limit_and_tidy_text(metric, text, parsed):
    """Seconds and shares."""
    assert parsed == parse_expression(metric, text)


@pytest.mark.parametrize(("metric", "text", "message"), BAD, ids=[f"{m} {t}" for m, t, _ in BAD])
def test_wrong_expression_says_what_would_be_right(metric, text, message):
    """The unit must fit the metric."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_expression(metric, text)


@pytest.mark.parametrize(
    ("metric", "rank"),
    [("p50", 50.0), ("p99.9", 99.9), ("p5", 5.0), ("p0", None), ("p100", None), ("max", None), ("p", None)],
)
def test_percentile_lies_between_0_and_100(metric, rank):
    """The ends are no percentiles; the upper one is called max."""
    assert rank == percentile(metric)


@unhurried
@given(st.sampled_from(sorted(METRICS)), st.text(alphabet="<>= baseline+0123456789.%ms/") | st.text())
def test_any_text_is_an_expression_or_a_value_error(metric, text):
    """And what is accepted is in the metric's own unit."""
    try:
        _, limit, _ = parse_expression(metric, text)
    except ValueError:
        return

    assert (limit.value is None) == (limit.relative is not None)
    assert metric_kind(metric) == METRICS[metric]
