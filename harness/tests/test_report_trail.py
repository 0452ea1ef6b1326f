"""Logs in a report: the lines of the fault's window, and the way of one request through all services."""

from __future__ import annotations

import pytest
from hand_written import every, history, sample
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.report.trail import (
    DISORDER,
    around_fault,
    excerpt,
    shown,
    telling_requests,
    troubled,
    way_of,
    written_at,
)

# The fault of a hand-written history lasts from second 109 to 119 of a clock whose second 100 is this moment.
STARTED = 1_700_000_000.0


def at(second, text="tick"):
    """A log line written at that second of the history."""
    minutes, seconds = divmod(20 + second - 100, 60)
    return f'{{"time": "2023-11-14T22:{13 + int(minutes):02}:{seconds:06.3f}+00:00", "message": "{text}"}}'


@pytest.mark.parametrize(
    ("line", "unix"),
    [
        ('{"time": "2023-11-14T22:13:20.500+00:00"}', STARTED + 0.5),
        ("2023-11-14 22:13:20,500 INFO started", STARTED + 0.5),
        ("2023-11-14T22:13:20Z started", STARTED),
        ("2023-11-14T23:13:20+01:00 started", STARTED),
        ("Traceback (most recent call last):", None),
        ("2023-99-99T99:99:99 is no moment", None),
    ],
)
def test_moment_of_a_line(line, unix):
    """As most logs write it; None where there is none."""
    assert written_at(line) == unix


def test_lines_of_the_fault_are_found_with_a_second_around_them():
    """Neither what was long before nor what came after; a traceback stays with its line."""
    lines = [at(105), at(108.5, "near"), at(112, "in"), "  File x, line 1", at(119.5, "just after"), at(125)]

    found = around_fault(history(), "\n".join(lines))

    assert found == lines[1:5]


@given(st.lists(st.tuples(st.floats(90, 140), st.floats(-DISORDER / 2, DISORDER / 2), st.booleans()), max_size=80))
def test_lines_found_by_their_order_are_those_that_reading_all_would_find(written):
    """Also where threads overtook each other, and where lines have no time."""
    lines = [at(round(when + late, 3)) if timed else "  in a traceback"
             for when, late, timed in sorted(written)]  # fmt: skip
    found, time = [], float("-inf")
    for line in lines:
        time = written_at(line) or time
        if STARTED + 8 <= time <= STARTED + 20:
            found.append(line)

    assert around_fault(history(), "\n".join(lines)) == found


def test_of_a_long_log_the_trouble_is_shown():
    """And how many lines there were; the longest are cut."""
    lines = [at(110 + i / 50, "fine" * 80) for i in range(100)] + [at(113, "error: refused")]

    told, count = excerpt(history(), "\n".join(lines))

    assert (told, count) == (["22:13:33.000 error: refused"], 101)
    assert max(len(line) for line in excerpt(history(), "\n".join(lines[:15]))[0]) == 181


def test_a_line_of_json_is_shown_as_a_line_for_people():
    """Time of day, level, message, then what is particular to it; anything else as it is, cut where it is long."""
    line = (
        '{"time": "2026-11-21T12:45:31.020Z", "level": "info", "service": "x", "message": "hi", "ms": 0.9, "e": null}'
    )

    assert shown(line) == "12:45:31.020 info hi ms=0.9"
    assert shown("{not json") == "{not json"
    assert shown("x" * 500) == "x" * 180 + "…"


def test_trouble_is_told_from_routine():
    """By its words, whatever the format."""
    assert list(troubled(["GET / 200", "level=error x", "Connection refused", "all fine"])) == [
        "level=error x",
        "Connection refused",
    ]


def test_way_of_a_request_goes_through_all_services_in_order_of_time():
    """Joined by its id, and not by one that merely begins like it."""
    logs = {
        "payments": "\n".join([at(110.2, "r-1"), at(110.3, "r-10")]),
        "orders": "\n".join([at(110.1, "r-1 in"), at(110.4, "r-1 out"), at(110.5, "xr-1")]),
    }

    assert [(service, "r-1" in line) for service, line in way_of("r-1", logs)] == [
        ("orders", True),
        ("payments", True),
        ("orders", True),
    ]
    assert way_of("", logs) == []


def test_the_slowest_and_the_first_failed_request_are_told():
    """Each once, also where one is both."""
    slow_and_failed = history(fault=every(600, latency=3.0, status=500, outcome="failed"))
    odd = {7: {"latency": 3.0}, 9: {"outcome": "failed", "status": 500}}
    apart = history(fault=lambda i, due: sample(due, **odd.get(i, {})))

    assert [words for words, _ in telling_requests(slow_and_failed)] == ["the slowest request"]
    assert [round(s.due - 109, 2) for _, s in telling_requests(apart)] == [0.14, 0.18]
