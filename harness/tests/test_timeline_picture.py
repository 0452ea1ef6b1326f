"""The timeline is drawn for any history, however odd."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hand_written import every, expect, history, recovery, sample, spec

from windtunnel.checks import judge
from windtunnel.history import PhaseEvent
from windtunnel.report.scene import DEGRADED, FAILED, LOST, MARKS, OK, Scene
from windtunnel.report.timeline import render_timeline

OF = spec(expect("p99 < 1500ms"), expect("max < 9s"), recovery=recovery())


def picture(whole):
    return render_timeline(whole, judge(whole))


def size(png):
    """Width and height that a PNG states of itself."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


def mixed(i, due):
    """One of each kind in turn."""
    kinds = ({}, {"status": 202}, {"status": None, "outcome": "indeterminate"}, {"status": 500, "outcome": "failed"})
    return sample(due, **kinds[i % 4])


@pytest.mark.parametrize(
    "whole",
    [
        history(OF),
        history(OF, fault=mixed, after=every(2, status=500, outcome="failed")),
        replace(history(OF), samples=()),
        replace(history(OF), samples=(sample(105.0, 0.0),)),
        history(OF, events=[]),
        history(OF, events=[PhaseEvent(t=101.0, name="baseline")]),
        replace(history(OF), header=replace(history(OF).header, title="$50 for 葡萄 and $60 " * 20, spec={})),
    ],
    ids=["healthy", "broken", "no-samples", "one-sample", "no-events", "broke-off", "odd-title"],
)
def test_picture_is_drawn(whole):
    """A picture of the size that reports expect, and no warning."""
    verdict = judge(whole, OF)

    assert size(render_timeline(whole, verdict)) == (1200, 700)


def test_every_request_is_drawn_once_by_its_kind():
    """A 202 that the scenario was content with is degraded all the same."""
    whole = history(OF, fault=mixed)

    kinds = Scene.of(whole, judge(whole)).kinds

    assert len(whole.samples) == sum(map(len, kinds.values()))
    assert [len(kinds[mark]) for mark in (DEGRADED, LOST, FAILED)] == [125, 125, 125]


def test_marks_differ_in_shape_and_in_colour():
    """Nobody needs to tell them apart by colour alone."""
    assert 4 == len({mark.shape for mark in MARKS}) == len({mark.colour for mark in MARKS})


def test_second_zero_is_the_first_injection():
    """And recovery is where the verdict says."""
    whole = history(OF, after=lambda i, due: sample(due, **({"outcome": "failed"} if due < 121.0 else {})))

    scene = Scene.of(whole, judge(whole))

    assert (scene.fault, round(scene.recovered, 3)) == ((0.0, 10.0), 12.0)


def test_different_runs_give_different_pictures():
    """The picture is made of the data."""
    assert picture(history(OF)) != picture(history(OF, fault=mixed))


def test_ok_is_the_quietest_mark():
    """Failures must not drown in what went well."""
    assert OK.layer == min(mark.layer for mark in MARKS)
