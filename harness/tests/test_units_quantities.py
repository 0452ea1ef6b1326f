"""Quantities carry their unit, and say what would be right when they do not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spec_samples import unhurried

from windtunnel.units import (
    parse_count,
    parse_data_rate,
    parse_duration,
    parse_rate,
    parse_share,
    parse_size,
    show_duration,
)

PARSERS = (parse_count, parse_data_rate, parse_duration, parse_rate, parse_share, parse_size)

GOOD = [
    (parse_duration, "150us", 0.00015),
    (parse_duration, "800ms", 0.8),
    (parse_duration, "1.5s", 1.5),
    (parse_duration, " 10 s ", 10.0),
    (parse_duration, "2m", 120.0),
    (parse_duration, "1h", 3600.0),
    (parse_duration, "0ms", 0.0),
    (parse_size, "3000B", 3000),
    (parse_size, "16KB", 16_000),
    (parse_size, "1.5MB", 1_500_000),
    (parse_rate, "50/s", 50.0),
    (parse_rate, "600/min", 10.0),
    (parse_rate, "0.5/s", 0.5),
    (parse_data_rate, "100KB/s", 100_000),
    (parse_data_rate, "1MB/s", 1_000_000),
    (parse_share, "1%", 0.01),
    (parse_share, "0.1%", 0.001),
    (parse_share, "150%", 1.5),
    (parse_count, "12", 12),
]

BAD = [
    (parse_duration, "10", "'10' has no unit; write 10s or 10ms"),
    (parse_duration, "soon", "'soon' is not a duration; write 10s or 10ms"),
    (parse_duration, "", "'' is not a duration; write 10s or 10ms"),
    (parse_duration, "10sec", "'10sec' is not a duration: unknown unit 'sec'; known: us, ms, s, m, h"),
    (parse_duration, "1:30", "'1:30' is not a duration: unknown unit ':30'; known: us, ms, s, m, h"),
    (parse_duration, "-5s", "'-5s' is negative; write 5s"),
    (parse_duration, "1" * 20 + "s", f"'{'1' * 20}s' is too large; a number has at most 15 digits"),
    (parse_size, "3000", "'3000' has no unit; write 3000B or 3000KB"),
    (parse_size, "1KiB", "'1KiB' is not a size: unknown unit 'KiB'; known: B, KB, MB"),
    (parse_size, "0.5B", "'0.5B' is not a whole number of bytes"),
    (parse_rate, "50", "'50' has no unit; write 50/s or 50/min"),
    (parse_data_rate, "100KB", "'100KB' is not a data rate: unknown unit 'KB'; known: B/s, KB/s, MB/s"),
    (parse_share, "0.01", "'0.01' has no unit; write 0.01%"),
    (parse_count, "1%", "'1%' is not a count; write a whole number such as 1"),
    (parse_count, "-1", "'-1' is not a count; write a whole number such as 1"),
]


@pytest.mark.parametrize(("parser", "text", "value"), GOOD, ids=[f"{p.__name__}-{t}" for p, t, _ in GOOD])
def test_quantity_is_read_in_its_base_unit(parser, text, value):
    """Seconds, bytes, per second, shares."""
    assert value == parser(text)


@pytest.mark.parametrize(("parser", "text", "message"), BAD, ids=[f"{p.__name__}-{t}" for p, t, _ in BAD])
def test_wrong_quantity_says_what_would_be_right(parser, text, message):
    """One line, with the text as written and the remedy."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parser(text)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.__name__)
@unhurried
@given(text=st.text() | st.from_regex(r"-?[0-9]{0,400}\.?[0-9]{0,9}(ms|s|KB|%|/s)?", fullmatch=True))
def test_any_text_is_a_finite_quantity_or_a_value_error(parser, text):
    """Nothing else is ever raised, and nothing infinite comes out."""
    try:
        value = parser(text)
    except ValueError:
        return

    assert 0 <= value < float("inf")


@unhurried
@given(st.integers(0, 10**9))
def test_shown_duration_is_read_back(microseconds):
    """What messages show can be pasted into a file."""
    seconds = microseconds / 1e6

    assert parse_duration(show_duration(seconds)) == pytest.approx(seconds, rel=1e-5)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(10.0, "10s"), (1.5, "1500ms"), (0.0, "0s"), (0.00015, "150us"), (1e6, "1000000s")]
)
def test_duration_is_shown_in_the_largest_whole_unit(seconds, shown):
    """No 1e+06, no trailing .0."""
    assert shown == show_duration(seconds)
