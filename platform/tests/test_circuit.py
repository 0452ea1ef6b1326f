"""The breaker's state machine."""

from __future__ import annotations

import threading
import time
import traceback
from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from scripted_peer import ManualClock

from resilience import BreakerOpenError, BreakerSettings, Circuit, SettingsError, State

SMALL = BreakerSettings(window=4, minimum_calls=4, open_for=10.0, probes=2, probes_within=30.0)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def changes():
    return []


@pytest.fixture
def circuit(clock, changes):
    return Circuit(SMALL, name="a->b", clock=clock, listener=lambda *change: changes.append(change))


class YieldingClock(ManualClock):
    """Gives the other threads their turn in the middle of a decision."""

    def __call__(self):
        time.sleep(0.001)
        return super().__call__()


def call(circuit, *, failed=False):
    circuit.record(circuit.acquire(), failed=failed)


def opened(circuit):
    for _ in range(SMALL.minimum_calls):
        call(circuit, failed=True)
    assert circuit.state is State.OPEN
    return circuit


def half_open(circuit, clock):
    """In half-open, with one probe under way."""
    opened(circuit)
    clock.now += SMALL.open_for
    return circuit.acquire()


def test_failures_open_it(circuit):
    """Four of four."""
    assert State.OPEN is opened(circuit).state


def test_open_breaker_rejects_and_says_for_how_long(circuit, clock):
    """The time that is left, not the time it was set to."""
    opened(circuit)
    clock.now += 4
    with pytest.raises(BreakerOpenError, match="a->b: the breaker is open") as caught:
        circuit.acquire()

    assert caught.value.retry_after == pytest.approx(6.0)
    assert circuit.rejected == 1


def test_each_rejection_is_an_error_of_its_own(circuit):
    """One error raised again and again would keep every traceback of the outage."""
    opened(circuit)
    errors = []
    for _ in range(3):
        with pytest.raises(BreakerOpenError) as caught:
            circuit.acquire()
        errors.append(caught.value)

    assert len({id(error) for error in errors}) == 3
    assert len({_frames(error) for error in errors}) == 1


def _frames(error):
    return len(list(traceback.walk_tb(error.__traceback__)))


def test_rejections_do_not_keep_it_open(circuit, clock):
    """They say nothing about the peer."""
    opened(circuit)
    for _ in range(100):
        with pytest.raises(BreakerOpenError):
            circuit.acquire()
    clock.now += SMALL.open_for
    call(circuit)
    call(circuit)

    assert State.CLOSED is circuit.state


def test_good_probes_close_it(circuit, clock):
    """All of them have to be back."""
    first = half_open(circuit, clock)
    circuit.record(first, failed=False)
    assert State.HALF_OPEN is circuit.state
    call(circuit)

    assert State.CLOSED is circuit.state


def test_bad_probe_opens_it_again_for_the_whole_time(circuit, clock):
    """One of two is half: the verdict is certain."""
    circuit.record(half_open(circuit, clock), failed=True)
    with pytest.raises(BreakerOpenError) as caught:
        circuit.acquire()

    assert caught.value.retry_after == pytest.approx(SMALL.open_for)


def test_old_failures_do_not_count_after_closing(circuit, clock):
    """The window begins empty."""
    circuit.record(half_open(circuit, clock), failed=False)
    call(circuit)
    for _ in range(SMALL.minimum_calls - 1):
        call(circuit, failed=True)

    assert State.CLOSED is circuit.state


def test_half_open_rejection_says_soon(circuit, clock):
    """The verdict of the probes is near."""
    half_open(circuit, clock)
    circuit.acquire()
    with pytest.raises(BreakerOpenError, match="half_open") as caught:
        circuit.acquire()

    assert 0 < caught.value.retry_after <= 1.0


@pytest.mark.parametrize("probes", [1, 3])
def test_twenty_callers_at_once_get_no_more_than_the_probes(probes):
    """All threads ask in the instant in which the wait is over, and each look at the clock lets the others run."""
    clock = YieldingClock()
    settings = BreakerSettings(window=4, minimum_calls=4, open_for=10.0, probes=probes)
    circuit = opened(Circuit(settings, clock=clock))
    clock.now += 10
    together, passed = threading.Barrier(20), []

    def ask():
        together.wait()
        with suppress(BreakerOpenError):
            passed.append(circuit.acquire())

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (probes, 20 - probes) == (len(passed), circuit.rejected)


def test_late_success_of_an_earlier_state_does_not_count(circuit, clock):
    """A call from before the outage ends well while the breaker probes: no probe of now has said so."""
    early = circuit.acquire()
    probe = half_open(circuit, clock)
    circuit.record(early, failed=False)
    circuit.record(early, failed=False)
    assert State.HALF_OPEN is circuit.state
    circuit.record(probe, failed=True)

    assert State.OPEN is circuit.state


def test_late_failure_does_not_open_a_closed_breaker(circuit, clock):
    """Failures of the outage come in after it."""
    early = [circuit.acquire() for _ in range(10)]
    circuit.record(half_open(circuit, clock), failed=False)
    call(circuit)
    for permit in early:
        circuit.record(permit, failed=True)

    assert State.CLOSED is circuit.state


def test_late_result_does_not_free_a_probe(circuit, clock):
    """An ignored call from before is no permit of now."""
    early = circuit.acquire()
    half_open(circuit, clock)
    circuit.acquire()
    circuit.ignored(early)

    with pytest.raises(BreakerOpenError):
        circuit.acquire()


def test_ignored_probe_gives_its_permit_back_and_decides_nothing(circuit, clock):
    """A probe that was broken off is no proof of health, and no leak either."""
    permit = half_open(circuit, clock)
    for _ in range(50):
        circuit.ignored(permit)
        assert State.HALF_OPEN is circuit.state
        permit = circuit.acquire()
    circuit.record(permit, failed=False)
    call(circuit)

    assert State.CLOSED is circuit.state


def test_ignored_call_neither_resets_nor_feeds_the_count(circuit):
    """F F F ignored F is F F F F."""
    for _ in range(3):
        call(circuit, failed=True)
    circuit.ignored(circuit.acquire())
    assert State.CLOSED is circuit.state
    call(circuit, failed=True)

    assert State.OPEN is circuit.state


def test_hung_probes_do_not_block_for_ever(circuit, clock):
    """Half-open without a verdict goes back to open, and probes anew."""
    half_open(circuit, clock)
    circuit.acquire()
    clock.now += SMALL.probes_within
    with pytest.raises(BreakerOpenError):
        circuit.acquire()
    clock.now += SMALL.open_for
    call(circuit)
    call(circuit)

    assert State.CLOSED is circuit.state


def test_look_takes_no_permit(circuit, clock):
    """Health pages ask as often as they like."""
    assert circuit.allows()
    opened(circuit)
    assert not circuit.allows()
    clock.now += SMALL.open_for
    assert [circuit.allows() for _ in range(50)] == [True] * 50
    assert State.OPEN is circuit.state
    circuit.acquire()
    circuit.acquire()

    assert not circuit.allows()


def test_listener_is_told_of_each_change_in_order(circuit, clock, changes):
    """Old and new."""
    circuit.record(half_open(circuit, clock), failed=False)
    call(circuit)

    expected = [(State.CLOSED, State.OPEN), (State.OPEN, State.HALF_OPEN), (State.HALF_OPEN, State.CLOSED)]
    assert expected == changes


def test_listener_that_fails_is_logged_and_harms_no_call(clock, caplog):
    """Telling is not the call's business."""

    def fail(old, new):
        raise ValueError("broken listener")

    circuit = opened(Circuit(SMALL, name="a->b", clock=clock, listener=fail))

    assert State.OPEN is circuit.state
    assert "a->b: the listener of the breaker failed" in caplog.text


def test_listener_may_look_at_the_circuit(clock):
    """No lock is held while it is told."""
    seen = []
    circuit = Circuit(SMALL, clock=clock, listener=lambda *_: seen.append((circuit.state, circuit.allows())))
    opened(circuit)

    assert seen == [(State.OPEN, False)]


def test_no_update_is_lost_under_threads():
    """The 800th failure opens it, and not the 799th."""
    circuit = Circuit(BreakerSettings(window=800, minimum_calls=800, failure_rate=1.0))
    permits = [circuit.acquire() for _ in range(800)]

    def fail(part):
        for permit in part:
            circuit.record(permit, failed=True)

    threads = [threading.Thread(target=fail, args=(permits[n:799:8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert State.CLOSED is circuit.state
    circuit.record(permits[799], failed=True)

    assert State.OPEN is circuit.state


@pytest.mark.parametrize("slow_after", [None, 60.0], ids=["plain", "timed"])
@pytest.mark.parametrize("window_seconds", [None, 3600.0], ids=["count", "time"])
def test_every_call_of_eight_threads_is_counted_and_weighed(slow_after, window_seconds):
    """Good ones take the way without a lock: none is lost, and the failures among them are not over half."""
    rule = BreakerSettings(window=100, minimum_calls=10, slow_after=slow_after, window_seconds=window_seconds)
    circuit = Circuit(rule)
    good, bad = circuit.guard(lambda: None), circuit.guard(_raises(OSError()))

    def work():
        for n in range(600):
            good()
            if n % 3 == 0:
                with suppress(OSError):
                    bad()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert State.CLOSED is circuit.state
    assert circuit.outcomes() == {"succeeded": 4800, "failed": 1600, "ignored": 0, "rejected": 0, "slow": 0}


@pytest.mark.parametrize(
    ("state", "number", "label"), [("CLOSED", 0, "closed"), ("OPEN", 1, "open"), ("HALF_OPEN", 2, "half_open")]
)
def test_states_have_the_metrics_numbers(state, number, label):
    """What `circuit_breaker_state` shows."""
    assert (number, label) == (int(State[state]), State[state].label)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("failure_rate", 0),
        ("failure_rate", 50),
        ("failure_rate", float("nan")),
        ("slow_rate", 1.5),
        ("slow_after", 0),
        ("window", 0),
        ("window", 2.5),
        ("minimum_calls", 0),
        ("minimum_calls", 21),
        ("open_for", 0),
        ("open_for", -1),
        ("open_for", 5000),
        ("probes", 0),
        ("probes_within", float("inf")),
    ],
)
def test_setting_out_of_range_is_refused(setting, value):
    """One line that names the setting and the range."""
    with pytest.raises(SettingsError, match=rf"breaker\.{setting} is .*; right is a (whole )?number"):
        BreakerSettings(**{setting: value})


@pytest.mark.parametrize("state", [State.DISABLED, State.METRICS_ONLY])
def test_state_that_lets_all_pass_does_so_whatever_happens(circuit, clock, state):
    """An operator's word stands above the failures."""
    opened(circuit)
    circuit.force(state)
    for _ in range(20):
        call(circuit, failed=True)

    assert (circuit.state, circuit.allows()) == (state, True)


def test_forced_open_rejects_until_it_is_reset(circuit, clock):
    """However long."""
    circuit.force(State.FORCED_OPEN)
    clock.now += 1e6
    with pytest.raises(BreakerOpenError, match="forced_open") as caught:
        circuit.acquire()
    assert not circuit.allows()
    assert caught.value.retry_after == SMALL.open_for
    circuit.reset()
    call(circuit)

    assert State.CLOSED is circuit.state


def test_reset_empties_the_window(circuit):
    """Three failures before it and one after it are one."""
    for _ in range(3):
        call(circuit, failed=True)
    circuit.reset()
    call(circuit, failed=True)

    assert State.CLOSED is circuit.state


@pytest.mark.parametrize("state", [State.CLOSED, State.OPEN, State.HALF_OPEN])
def test_state_that_the_breaker_finds_itself_cannot_be_forced(circuit, state):
    """The message says what can."""
    with pytest.raises(ValueError, match="DISABLED, FORCED_OPEN, METRICS_ONLY"):
        circuit.force(state)


def test_metrics_only_tells_once_that_it_would_have_opened(clock):
    """For a new rule on a live system."""
    events = []
    circuit = Circuit(SMALL, name="a->b", clock=clock, events=events.append)
    circuit.force(State.METRICS_ONLY)
    for _ in range(7):
        call(circuit, failed=True)

    told = [(event.kind, event.detail) for event in events]
    assert told == [("state_changed", "closed -> metrics_only: forced"), ("rate_exceeded", "4 of 4 calls failed")]


def test_events_say_why(clock):
    """In the order in which things happened."""
    events = []
    circuit = Circuit(SMALL, name="a->b", clock=clock, events=events.append)
    circuit.record(half_open(circuit, clock), failed=False)
    call(circuit)
    opened(circuit)
    with pytest.raises(BreakerOpenError):
        circuit.acquire()

    assert [(event.edge, event.policy, event.kind) for event in events[-2:]] == [
        ("a->b", "breaker", "state_changed"),
        ("a->b", "breaker", "rejected"),
    ]
    assert [event.detail for event in events[:3]] == [
        "closed -> open: 4 of 4 calls failed",
        "open -> half_open: time to probe",
        "half_open -> closed: the probes went well",
    ]


def test_every_call_is_counted_once_by_its_outcome(circuit, clock):
    """A slow one is a success or a failure as well; a late one counts too."""
    early = circuit.acquire()
    circuit.record(circuit.acquire(), failed=False, slow=True)
    circuit.ignored(circuit.acquire())
    circuit.succeeded(circuit.acquire())
    for _ in range(2):
        call(circuit, failed=True)
    assert circuit.state is State.OPEN
    circuit.succeeded(early)
    for _ in range(3):
        with pytest.raises(BreakerOpenError):
            circuit.acquire()

    assert circuit.outcomes() == {"succeeded": 3, "failed": 2, "ignored": 1, "rejected": 3, "slow": 1}


def test_time_window_opens_on_the_calls_of_its_seconds(clock):
    """And forgets the failures of last week."""
    circuit = Circuit(BreakerSettings(window_seconds=10, minimum_calls=4), clock=clock)
    for _ in range(8):
        call(circuit, failed=True)
        clock.now += 5
    assert State.CLOSED is circuit.state
    for _ in range(3):
        call(circuit, failed=True)

    assert State.OPEN is circuit.state


class TestGuard:
    """Plain functions under a circuit."""

    def test_returns_what_the_function_returns(self, circuit):
        """With all arguments."""
        assert circuit.guard(lambda a, *, b: (a, b))(1, b=2) == (1, 2)
        assert circuit.outcomes()["succeeded"] == 1

    def test_raises_the_functions_own_error_and_opens(self, circuit):
        """On the call that opens it too."""
        read = circuit.guard(_raises(OSError("gone")), failures=OSError)
        for _ in range(4):
            with pytest.raises(OSError, match="gone"):
                read()
        with pytest.raises(BreakerOpenError):
            read()

    @pytest.mark.parametrize(
        ("error", "outcome"),
        [
            (OSError(), "failed"),
            (KeyError(), "ignored"),
            (ValueError(), "succeeded"),
            (KeyboardInterrupt(), "ignored"),
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("slow_after", [None, 5.0])
    def test_sorts_errors_as_it_was_told(self, clock, error, outcome, slow_after):
        """Failure, not counted, or an answer; what interrupts the program never counts."""
        circuit = Circuit(BreakerSettings(slow_after=slow_after), clock=clock)
        with pytest.raises(type(error)):
            circuit.guard(_raises(error), failures=OSError, ignored=KeyError)()

        assert circuit.outcomes()[outcome] == 1
        assert sum(circuit.outcomes().values()) == 1

    def test_counts_slow_calls(self, clock):
        """By the injected clock."""
        circuit = Circuit(BreakerSettings(slow_after=1.0, window=1, minimum_calls=1), clock=clock)
        circuit.guard(lambda: clock.sleep(0.5))()
        assert State.CLOSED is circuit.state
        circuit.guard(lambda: clock.sleep(1.0))()

        assert State.OPEN is circuit.state


def _raises(error):
    def function():
        raise error

    return function


class ModelCircuit:
    """What the breaker is to do, written down plainly: lists, one thread, no short ways."""

    def __init__(self, settings, clock):
        self.settings, self.clock = settings, clock
        self.counted = dict.fromkeys(("succeeded", "failed", "ignored", "rejected", "slow"), 0)
        self.generation = -1
        self.enter(State.CLOSED)

    def enter(self, state):
        self.state, self.since, self.calls, self.taken = state, self.clock(), [], 0
        self.generation += 1

    def acquire(self):
        """The generation of the permit, or None."""
        late = self.clock() >= self.since + self.settings.probes_within
        if self.state is State.OPEN and self.clock() >= self.since + self.settings.open_for:
            self.enter(State.HALF_OPEN)
        elif self.state is State.HALF_OPEN and late:
            self.enter(State.OPEN)
        free = {State.HALF_OPEN: self.taken < self.settings.probes, State.OPEN: False, State.FORCED_OPEN: False}
        if not free.get(self.state, True):
            self.counted["rejected"] += 1
            return None
        self.taken += 1
        return self.generation

    def end(self, generation, result):
        failed, slow = result in ("bad", "both"), result in ("slow", "both")
        self.counted["ignored" if result == "ignored" else "failed" if failed else "succeeded"] += 1
        self.counted["slow"] += slow
        if generation != self.generation:
            return
        if result == "ignored":
            self.taken -= 1
            return
        probing = self.state is State.HALF_OPEN
        size = self.settings.probes if probing else self.settings.window
        self.calls = [*self.calls, (failed, slow)][-size:]
        total = size if probing else len(self.calls)
        known = probing or total >= self.settings.minimum_calls
        over = known and (
            sum(f for f, _ in self.calls) / total >= self.settings.failure_rate
            or sum(s for _, s in self.calls) / total >= self.settings.slow_rate
        )
        if over and self.state in (State.CLOSED, State.HALF_OPEN):
            self.enter(State.OPEN)
        elif probing and len(self.calls) == size:
            self.enter(State.CLOSED)


RESULTS = ["good", "good", "good", "bad", "slow", "both", "ignored"]
MODEL = BreakerSettings(window=6, minimum_calls=3, open_for=10.0, probes=3, probes_within=30.0, slow_rate=0.7)


class SameAsTheModel(RuleBasedStateMachine):
    """Whatever is called in whatever order: state, permits and counts are the model's."""

    def __init__(self):
        super().__init__()
        self.clock = ManualClock()
        self.circuit = Circuit(MODEL, clock=self.clock)
        self.model = ModelCircuit(MODEL, self.clock)
        self.under_way = []

    @rule()
    def ask(self):
        expected = self.model.acquire()
        if expected is None:
            with pytest.raises(BreakerOpenError) as caught:
                self.circuit.acquire()
            assert 0 < caught.value.retry_after <= MODEL.open_for
            return
        permit = self.circuit.acquire()
        assert permit.generation == expected
        self.under_way.append(permit)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), result=st.sampled_from(RESULTS))
    def end(self, data, result):
        permit = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        if result == "ignored":
            self.circuit.ignored(permit)
        elif result == "good":
            self.circuit.succeeded(permit)
        else:
            self.circuit.record(permit, failed=result in ("bad", "both"), slow=result in ("slow", "both"))
        self.model.end(permit.generation, result)

    @rule(seconds=st.sampled_from([0.5, 5.0, 10.0, 31.0]))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule(state=st.sampled_from([State.DISABLED, State.FORCED_OPEN, State.METRICS_ONLY]))
    def force(self, state):
        if self.circuit.state is State.OPEN:  # else nearly all time would be spent in forced states
            self.circuit.force(state)
            self.model.enter(state)

    @rule()
    def reset(self):
        if self.circuit.state in (State.DISABLED, State.FORCED_OPEN, State.METRICS_ONLY):
            self.circuit.reset()
            self.model.enter(State.CLOSED)

    @invariant()
    def agrees(self):
        assert self.circuit.state is self.model.state
        assert self.circuit.outcomes() == self.model.counted


TestSameAsTheModel = SameAsTheModel.TestCase
TestSameAsTheModel.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


class Calls(RuleBasedStateMachine):
    """Any order of calls, results, ignored ones and passing time."""

    def __init__(self):
        super().__init__()
        self.clock = ManualClock()
        self.changes = []
        self.circuit = Circuit(SMALL, clock=self.clock, listener=lambda *change: self.changes.append(change))
        self.under_way = []
        self.probes_of = {}

    @rule()
    def ask(self):
        if not self.circuit.allows():
            with pytest.raises(BreakerOpenError) as caught:
                self.circuit.acquire()
            assert 0 < caught.value.retry_after <= SMALL.open_for
            return
        permit = self.circuit.acquire()
        self.under_way.append(permit)
        if self.circuit.state is State.HALF_OPEN:
            self.probes_of[permit.generation] = self.probes_of.get(permit.generation, 0) + 1

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), result=st.sampled_from(["good", "bad", "slow", "ignored"]))
    def end(self, data, result):
        permit = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        if result == "ignored":
            self.circuit.ignored(permit)
            if permit.generation in self.probes_of:
                self.probes_of[permit.generation] -= 1
        else:
            self.circuit.record(permit, failed=result == "bad", slow=result == "slow")

    @rule(seconds=st.sampled_from([0.5, 5.0, 10.0, 31.0]))
    def wait(self, seconds):
        self.clock.now += seconds

    @invariant()
    def probes_are_bounded(self):
        """Under way or finished, a half-open generation never has more than its permits."""
        assert all(count <= SMALL.probes for count in self.probes_of.values())

    @invariant()
    def changes_are_legal(self):
        """And each begins where the last one ended."""
        state = State.CLOSED
        for old, new in self.changes:
            assert old is state
            assert (old, new) not in {(State.CLOSED, State.HALF_OPEN), (State.OPEN, State.CLOSED)}
            state = new
        assert self.circuit.state is state

    def teardown(self):
        """A healthy peer always gets out of any state, however much was left hanging."""
        for _ in range(2 * SMALL.probes + 2):
            self.clock.now += SMALL.probes_within
            with suppress(BreakerOpenError):
                self.circuit.record(self.circuit.acquire(), failed=False)
                self.circuit.record(self.circuit.acquire(), failed=False)
        assert self.circuit.state is State.CLOSED


TestAnyOrderOfCalls = Calls.TestCase
TestAnyOrderOfCalls.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
