"""Shapes of load: arrivals stand where the plan's curve says, in order, in the right number, without drift."""

from itertools import islice, pairwise
from math import ceil, inf, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.errors import BadInputError
from windtunnel.load.schedule import Schedule
from windtunnel.load.shapes import SHAPES, Constant, Ramp, Replay, Spike, Steps, read_times

RATES = st.floats(0.5, 200) | st.just(0.0)
LENGTHS = st.floats(0.05, 20)
KINDS = st.sampled_from(["constant", "poisson"])


def spikes(kinds):
    def fit(rates, lengths, rise, kind):
        (base, peak), (before, lasting) = rates, lengths
        whole, up = before + lasting + 1, rise * lasting / 2
        return Spike(base=base, peak=peak, duration=whole, at=before, lasting=lasting, rise=up, arrival=kind)

    return st.builds(fit, st.tuples(RATES, RATES), st.tuples(LENGTHS, LENGTHS), st.floats(0, 0.99), kinds)


def curves(kinds=KINDS):
    """Any shape with a rate."""
    return st.one_of(
        st.builds(Constant, rate=RATES, duration=LENGTHS, arrival=kinds),
        st.builds(Ramp, start=RATES, end=RATES, duration=LENGTHS, arrival=kinds),
        st.builds(Steps, start=RATES, end=RATES, steps=st.integers(2, 9), duration=LENGTHS, arrival=kinds),
        spikes(kinds),
    )


def replays():
    return st.lists(st.floats(0, 20), min_size=1, max_size=50).map(lambda times: Replay(times=tuple(sorted(times))))


def plans(kinds=KINDS):
    some = st.lists(curves(kinds) | replays(), min_size=1, max_size=5)
    return some.filter(lambda stages: any(stage.count for stage in stages)).map(Schedule)


@given(curves(), st.floats(0, 1, exclude_max=True))
def test_the_time_of_a_count_is_the_inverse_of_the_count_by_a_time(shape, share):
    """Exactly, to the last digits."""
    x = share * shape.count

    assert shape.count_by(shape.time_of(x)) == pytest.approx(x, rel=1e-9, abs=1e-9)
    assert 0 <= shape.time_of(x) <= shape.duration


@given(curves(), st.floats(0, 1))
def test_the_count_is_the_integral_of_the_rate(shape, share):
    """Between two close moments it grows by the mean of their rates, save where the rate jumps."""
    t, step = share * shape.duration * 0.99, shape.duration * 1e-4
    jumps = [end for end in shape._begins if t <= end <= t + step]
    grown = shape.count_by(t + step) - shape.count_by(t)

    assert jumps or grown == pytest.approx((shape.rate_at(t) + shape.rate_at(t + step)) / 2 * step, rel=1e-3, abs=1e-7)


@given(plans(), st.integers(0, 2**32))
def test_arrivals_come_in_order_within_their_plan(schedule, seed):
    """None before its beginning, none after its end, each not before the one in front of it."""
    offsets = list(schedule.offsets(seed))

    assert all(a <= b for a, b in pairwise(offsets))
    assert all(0 <= offset <= schedule.duration + 1e-9 for offset in offsets)


@given(plans(), st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_sequence(schedule, seed):
    """To the last bit."""

    assert list(schedule.offsets(seed)) == list(schedule.offsets(seed))


@given(st.lists(curves(st.just("constant")), min_size=1, max_size=8).filter(lambda s: any(x.count for x in s)))
def test_even_arrivals_never_drift(stages):
    """However many stages there are, at every arrival as many were due as the curve says, but for one."""
    schedule = Schedule(stages)
    offsets = list(schedule.offsets(1))

    assert len(offsets) == ceil(schedule.count - 1e-6)
    assert [schedule.count_by(offset) for offset in offsets] == pytest.approx(list(range(len(offsets))), abs=2e-6)


@pytest.mark.parametrize(
    "shape",
    [
        Constant(rate=100, duration=100),
        Ramp(start=0, end=200, duration=100),
        Ramp(start=300, end=10, duration=60),
        Steps(start=20, end=200, steps=7, duration=90),
        Spike(base=40, peak=900, duration=60, at=20, lasting=10, rise=3),
    ],
    ids=lambda shape: f"{type(shape).__name__}-{shape.count:g}",
)
def test_poisson_arrivals_follow_the_curve(shape):
    """Over 40 seeds the count in every tenth has the mean, and the spread, of a Poisson variable with that mean."""
    runs = [list(Schedule([shape]).offsets(seed)) for seed in range(40)]
    for k in range(10):
        start, end = shape.duration * k / 10, shape.duration * (k + 1) / 10
        counts = [sum(start <= offset < end for offset in run) for run in runs]
        wanted = shape.count_by(end) - shape.count_by(start)
        mean = sum(counts) / len(counts)
        spread = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)

        # Five standard errors of the mean; of the variance, five as well: seeds are fixed, so this is no lottery.
        assert abs(mean - wanted) < 5 * sqrt(wanted / len(counts)) + 1e-9
        assert abs(spread - wanted) < 5 * wanted * sqrt(2 / (len(counts) - 1)) + 1


def test_a_plan_without_an_end_goes_on():
    """The millionth arrival of an endless rate is due when the rate says."""
    schedule = Schedule([Ramp(start=0, end=10, duration=4, arrival="constant"), Constant(rate=7, arrival="constant")])
    last = next(islice(schedule.offsets(1), 1_000_000, None))

    assert schedule.duration == inf
    assert last == pytest.approx(4 + (1_000_000 - 20) / 7, rel=1e-12)


def test_steps_are_even_and_include_both_ends():
    """Each is held for its part of the time."""
    steps = Steps(start=50, end=200, steps=4, duration=40)

    assert steps.rates == (50, 100, 150, 200)
    assert [steps.rate_at(t) for t in (0, 9.9, 10, 25, 39.9, 40)] == [50, 50, 100, 150, 200, 0]
    assert steps.count == 5000


def test_a_spike_is_up_for_as_long_as_it_says():
    """Its slopes lie within."""
    spike = Spike(base=10, peak=110, duration=30, at=10, lasting=6, rise=2)

    assert [spike.rate_at(t) for t in (9.9, 11, 12, 13.9, 15, 16, 29)] == pytest.approx([10, 60, 110, 110, 60, 10, 10])
    assert spike.count == pytest.approx(30 * 10 + 100 * 4)


def test_a_replay_is_what_it_was(tmp_path):
    """Unix times count from the first; the speed divides them; other stages before it move it as a whole."""
    file = tmp_path / "arrivals.txt"
    file.write_text("# a comment\n1700000000.25\n1700000000.50 # and another\n\n1700000000.5\n1700000002.25\n")
    replay = Replay(times=read_times(file), speed=2)
    before = Constant(rate=3, duration=0.5, arrival="constant")

    assert list(Schedule([replay]).offsets(1)) == [0, 0.125, 0.125, 1.0]
    assert list(Schedule([before, replay]).offsets(1)) == pytest.approx([0, 1 / 3, 0.5, 0.625, 0.625, 1.5])
    assert (replay.duration, replay.count, replay.count_by(0.125), replay.rate_at(0.2)) == (1.0, 4, 1, 3)


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("1.0\nsoon\n", 2, "'soon' is not a time; write seconds as one number, such as"),
        ("1.0\n\n2,5\n", 3, "'2,5' is not a time"),
        ("1\nnan\n", 2, "'nan' is not a time"),
        ("5\n4.5\n", 2, "4.5 is before the time above it, 5.0; sort the file by time"),
        ("# nothing\n\n", None, "no times to replay; write one number of seconds a line"),
        (None, None, "times to replay cannot be read: "),
    ],
)
def test_a_file_that_cannot_be_replayed_is_one_clear_line(tmp_path, text, line, complaint):
    """Where, what, and what would be right."""
    file = tmp_path / "arrivals.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadInputError) as caught:
        read_times(file)

    assert (caught.value.path, caught.value.line) == (file, line)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Constant(rate=-1, duration=1), "rate is -1/s; it must be a number of arrivals per second, 0 or more"),
        (lambda: Constant(rate=1, duration=0), "duration is 0 s; it must be longer than 0 s"),
        (lambda: Constant(rate=inf), "rate is inf/s"),
        (lambda: Ramp(start=1, end=2, duration=inf), "give it a duration"),
        (lambda: Steps(start=1, end=2, steps=1, duration=9), "1 steps within 9 s; there must be 2 or more"),
        (lambda: Spike(base=1, peak=2, duration=5, at=4, lasting=2), "from 4 s to 6 s does not fit into 5 s"),
        (lambda: Spike(base=1, peak=2, duration=5, at=1, lasting=2, rise=1.5), "must fit into the spike's 2 s"),
        (lambda: Replay(times=()), "nothing to replay"),
        (lambda: Replay(times=(0, 2, 1)), r"times\[2\] is 1; times are 0 or more and never go back"),
        (lambda: Replay(times=(0,), speed=0), "speed is 0; it must be above 0"),
        (lambda: Schedule([]), "a load without arrivals shows nothing"),
        (lambda: Schedule([Constant(rate=0, duration=1)]), "a load without arrivals shows nothing"),
        (lambda: Schedule([Constant(rate=1), Constant(rate=1)]), "follows one without a duration"),
    ],
)
def test_an_impossible_shape_is_one_clear_line(make, complaint):
    """Before any load is sent."""
    with pytest.raises(ValueError, match=complaint):
        make()


def test_every_shape_has_a_name():
    """Under which a plan carries it, and a file may name it."""

    assert sorted(SHAPES) == ["constant", "ramp", "replay", "spike", "steps"]
