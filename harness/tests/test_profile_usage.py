"""Who used the processors between two readings, and what counts as full."""

import os
from types import SimpleNamespace

import pytest

from windtunnel.history import UsageEvent
from windtunnel.profiles.usage import Meter, Processors, Reading


def meter(*readings):
    """A meter that reads these, one after the other: (time, busy, parts)."""
    given = iter([Reading(t=t, busy=busy, parts=parts) for t, busy, parts in readings])
    return Meter(lambda: next(given), 2)


def test_usage_is_in_cores_between_two_readings():
    """1.5 of 2 seconds are 0.75 of a core."""
    event = meter((10.0, 4.0, {"orders": 1.0}), (12.0, 7.0, {"orders": 2.5})).take()

    assert event == UsageEvent(t=12.0, seconds=2.0, cores=2, busy=1.5, parts={"orders": 0.75})


def test_each_reading_counts_from_the_one_before():
    """Not from the first."""
    of = meter((0.0, 0.0, {}), (1.0, 1.0, {"a": 1.0}), (2.0, 1.0, {"a": 1.0}))
    of.take()

    assert of.take().parts == {"a": 0.0}


def test_service_that_was_restarted_counts_from_its_restart():
    """Its new process has used less than the old one had."""
    event = meter((0.0, 0.0, {"a": 9.0}), (1.0, 0.5, {"a": 0.5})).take()

    assert event.parts == {"a": 0.5}


def test_no_time_is_no_reading():
    """Twice the same moment."""
    assert meter((1.0, 0.0, {}), (1.0, 0.0, {})).take() is None


class Silent:
    """A system that cannot say what its processes are."""

    backend = "external"
    topology = SimpleNamespace(instances={"orders": None})


def test_this_process_is_the_proxy_s_and_what_cannot_be_seen_is_left_out():
    """The embedded proxy is a thread of it."""
    reading = Processors(Silent(), os.getpid(), lambda: 5.0).read()

    assert set(reading.parts) == {"generator", "proxy"}
    assert reading.t == 5.0
    assert reading.parts["proxy"] >= reading.parts["generator"] > 0


@pytest.mark.parametrize("cores", [1, 2, 64])
def test_cores_are_told_with_the_figures(cores):
    """1.9 busy cores are much of 2, and little of 64."""
    given = iter([Reading(t=0.0, busy=0.0, parts={}), Reading(t=1.0, busy=0.9, parts={})])

    assert Meter(lambda: next(given), cores).take().cores == cores
