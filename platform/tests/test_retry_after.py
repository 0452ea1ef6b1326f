"""`Retry-After`, in all the forms that servers send."""

from __future__ import annotations

from email.utils import formatdate

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.retry_after import seconds_asked

NOW = 1_800_000_000.0
SOON, PAST = formatdate(NOW + 7, usegmt=True), formatdate(NOW - 3600, usegmt=True)


def asked(value, **headers):
    return seconds_asked(httpx.Response(503, headers={"Retry-After": value, **headers}), lambda: NOW)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        ("5", 5.0),
        (" 5 ", 5.0),
        (SOON, 7.0),
        (PAST, 0.0),
        (formatdate(NOW + 7), 7.0),
        ("9" * 400, float("inf")),
        ("-5", None),
        ("1.5", None),
        ("5s", None),
        ("soon", None),
        ("", None),
        ("\u0665", None),
        ("Wed, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_seconds_and_dates_are_read_and_garbage_is_ignored(value, expected):
    """A date has whole seconds."""
    got = seconds_asked(httpx.Response(503, headers=[(b"Retry-After", value.encode())]), lambda: NOW)

    assert got == expected


def test_missing_header_asks_for_nothing():
    """None, which is not 0."""
    assert seconds_asked(httpx.Response(503), lambda: NOW) is None


def test_date_is_measured_against_the_servers_own_clock():
    """The server's clock is an hour ahead of ours; it means ten seconds all the same."""
    date, then = formatdate(NOW + 3600, usegmt=True), formatdate(NOW + 3610, usegmt=True)

    assert asked(then, Date=date) == 10.0


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_no_value_breaks_it(value):
    """Never an exception, never a negative wait."""
    seconds = asked(value)

    assert seconds is None or seconds >= 0
