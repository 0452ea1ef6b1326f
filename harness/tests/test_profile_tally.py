"""A stage that fails whatever comes is seen while it runs, and one that can still hold is not."""

import pytest
from hand_written import every, load, sample
from profile_samples import BEGAN, driven, profile, stage

from windtunnel.profiles import judge_profile
from windtunnel.profiles.tally import Tally

FAILED = {"status": 503, "outcome": "failed"}


def looked_at(seconds, each, *texts):
    """What a look says after that many of ten seconds."""
    tally = Tally(profile(*texts), BEGAN, {})
    tally.add(load(BEGAN, BEGAN + seconds, 50.0, each))
    return tally.hopeless(0, BEGAN + seconds)


@pytest.mark.parametrize("seconds", [2, 5, 9])
def test_good_stage_is_never_hopeless(seconds):
    """Nothing is over any limit."""
    assert looked_at(seconds, None, "availability >= 99%", "p95 < 500ms") is None


def test_stage_is_hopeless_once_the_rest_cannot_make_up_for_it():
    """50 of 100 failed and 400 are to come: 10 % at the best, far above 1 %."""
    said = looked_at(2, every(2, **FAILED), "availability >= 99%")

    assert said.startswith("steady availability >= 99% cannot be met any more: 50 of 100 are over already (50%)")


def test_bad_beginning_that_can_be_made_up_for_is_not_hopeless():
    """10 of the first 50 failed; if the other 450 are good it is 2 %, and 10 % are allowed."""
    assert looked_at(1, every(5, **FAILED), "error_rate < 10%") is None


def test_a_few_samples_decide_nothing():
    """Half a second."""
    assert looked_at(0.5, every(1, **FAILED), "availability >= 99%") is None


def test_count_that_is_exceeded_is_hopeless():
    """Two are too many, whatever comes."""
    assert looked_at(2, every(50, **FAILED), "errors <= 1") is not None


def test_hopeless_stage_is_judged_as_failed():
    """The verdict of a run that was ended is the one that it would have had."""
    of = profile("p95 < 500ms", stages=(stage(),))
    slow = every(4, latency=2.0)
    tally = Tally(of, BEGAN, {})
    tally.add(load(BEGAN, BEGAN + 4, 50.0, slow))

    assert tally.hopeless(0, BEGAN + 4) is not None
    assert judge_profile(driven(of, each={"steady": slow})).verdict.outcome == "FAIL"


def test_requests_belong_to_the_stage_in_which_they_were_due():
    """A late answer of the first stage is the first stage's."""
    of = profile("p95 < 500ms", stages=(stage("one"), stage("two")))
    tally = Tally(of, BEGAN, {})
    tally.add(load(BEGAN, BEGAN + 10, 50.0, every(1, latency=3.0)))

    assert tally.hopeless(0, BEGAN + 11) is not None
    assert tally.hopeless(1, BEGAN + 11) is None


def test_live_figure_is_of_the_last_second():
    """Slow answers of long ago no longer show."""
    tally = Tally(profile("p95 < 500ms"), BEGAN, {})
    tally.add([sample(BEGAN, 2.0), sample(BEGAN + 5.0, 0.1), sample(BEGAN + 5.1, 0.2)])

    assert tally.p95(BEGAN + 5.5) == pytest.approx(0.2)
    assert tally.p95(BEGAN + 60.0) is None
