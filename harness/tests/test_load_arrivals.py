"""When arrivals are due is a function of the plan alone."""

import json
from collections import Counter
from itertools import islice, pairwise
from pathlib import Path

import pytest
from load_server import plan

from windtunnel.load.arrivals import arrivals, choices_of
from windtunnel.load.messages import encode, plan_from_plain, plan_to_plain
from windtunnel.load.shapes import Constant, Ramp, Replay, Spike, Steps
from windtunnel.spec.model import MixEntry

MIX = (MixEntry(scenario="a", weight=3), MixEntry(scenario="b", weight=1))


def made(count, start=100.0, **changes):
    return list(islice(arrivals(plan(Path("s.py"), "http://x", mix=MIX, **changes), start), count))


def test_constant_arrivals_do_not_drift():
    """The hundred-thousandth arrival is due when the rate says, to the last digit that matters."""
    last = made(100_001, rate=7.0)[-1]

    assert last.due == pytest.approx(100.0 + 100_000 / 7.0, abs=1e-6)


def test_poisson_arrivals_keep_the_rate():
    """20,000 exponential gaps have the mean, and the spread, of a Poisson process."""
    due = [arrival.due for arrival in made(20_000, rate=50.0, arrival="poisson")]
    gaps = [b - a for a, b in pairwise(due)]
    mean = sum(gaps) / len(gaps)

    assert mean == pytest.approx(1 / 50, rel=0.05)
    assert sum((gap - mean) ** 2 for gap in gaps) / len(gaps) == pytest.approx(mean**2, rel=0.1)


def test_the_mix_follows_the_weights():
    """Three of four arrivals run the scenario of weight 3."""
    counts = Counter(arrival.scenario for arrival in made(20_000))

    assert counts["a"] / 20_000 == pytest.approx(0.75, abs=0.02)


def test_the_same_seed_gives_the_same_arrivals():
    """Gaps and scenarios are equal; another seed gives others."""
    assert made(100, arrival="poisson", seed=7) == made(100, arrival="poisson", seed=7)
    assert made(100, arrival="poisson", seed=7) != made(100, arrival="poisson", seed=8)


def test_each_arrival_has_choices_of_its_own():
    """They depend on seed and ordinal only, not on who asked first."""
    assert choices_of(1, 5).random() == choices_of(1, 5).random()
    assert len({choices_of(seed, ordinal).random() for seed in (1, 2) for ordinal in (0, 1)}) == 4


STAGES = (
    Constant(rate=5, duration=1),
    Ramp(start=1, end=2, duration=3, arrival="constant"),
    Steps(start=1, end=4, steps=3, duration=3),
    Spike(base=1, peak=9, duration=5, at=1, lasting=2, rise=0.5),
    Replay(times=(0, 0.5, 1), speed=2),
)


@pytest.mark.parametrize("changes", [{"arrival": "poisson"}, {"rate": 0.0, "stages": STAGES}], ids=["rate", "stages"])
def test_a_plan_survives_the_way_to_the_engine(changes):
    """What is read there equals what was sent, and can be."""
    sent = plan(Path("/x/scenarios.py"), "http://127.0.0.1:1", mix=MIX, **changes)

    assert plan_from_plain(json.loads(encode(plan_to_plain(sent)))) == sent


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_the_shares_of_several_generators_are_the_plan(of):
    """Each arrival is in exactly one of them, with the ordinal, the time and the scenario that it has in the plan."""
    staged = plan(Path("s.py"), "http://x", mix=MIX, rate=0.0, stages=STAGES, seed=3)
    shares = [list(arrivals(staged, 100.0, share=(k, of))) for k in range(of)]

    assert sorted(arrival for share in shares for arrival in share) == list(arrivals(staged, 100.0))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("changes", [{"rate": 0.0}, {"rate": 5.0, "stages": STAGES}], ids=["neither", "both"])
def test_a_plan_has_either_a_rate_or_stages(changes):
    """Anything else is a mistake of who made it."""
    with pytest.raises(ValueError, match="either a rate or stages"):
        plan(Path("s.py"), "http://x", **changes)
