"""The saga: all done or all undone, whatever dies, is refused, or never answers."""

import random

import pytest
from durable_store import BOTH, CrashError, MemoryStore, in_threads
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from scripted_peer import ManualClock
from sqlalchemy import Column, MetaData, String, Table, insert, select

from resilience.durable import DONE, UNSURE, Journal, Outcome, Saga, SagaSettings, Step, Verdict, saga_table
from resilience.errors import SettingsError

METADATA = MetaData()
TABLE = saga_table(METADATA)
ENDS = Table("ends", METADATA, Column("saga", String), Column("how", String))
SETTINGS = SagaSettings(lease=10.0, base=1.0, cap=4.0, stuck_after=3)
REFUSED = Outcome(Verdict.REFUSED, "no")
BEHAVIOURS = ("done", "refused", "lost", "unreached", "dies before", "dies after")


class World:
    """Three services; each holds what was done for which saga. `script` says how the next calls go."""

    def __init__(self, holds=True, store=MemoryStore):
        self.clock, self.database = ManualClock(), store(METADATA)
        self.held, self.script, self.log = set(), [], []
        self.ready = True
        self.journal = Journal(TABLE, self.database, SETTINGS, self.clock)
        steps = [
            Step(name="first", act=self.act("first"), undo=self.undo("first"), ready=lambda: self.ready),
            Step(name="second", act=self.act("second"), undo=self.undo("second")),
            Step(name="last", act=self.act("last"), holds=holds, undo=None if holds else self.undo("last")),
        ]
        self.saga = Saga(steps, self.journal, ended=self.ended, turned=self.turned, rng=random.Random(1))

    def act(self, name):
        def act(subject, again):
            self.log.append(("act", name, again))
            how = self.script.pop(0) if self.script else "done"
            if how == "refused" and (subject, name) not in self.held:
                # What may be under way from before makes a refusal uncertain; it is for the step to know that.
                return REFUSED if not again else UNSURE
            if how == "unreached":
                return UNSURE
            if how == "dies before":
                raise CrashError
            self.held.add((subject, name))
            if how == "dies after":
                raise CrashError
            return UNSURE if how == "lost" else DONE

        return act

    def undo(self, name):
        def undo(subject):
            self.log.append(("undo", name))
            how = self.script.pop(0) if self.script else "done"
            if how == "dies before":
                raise CrashError
            if how in ("refused", "unreached"):
                return False
            self.held.discard((subject, name))
            if how == "dies after":
                raise CrashError
            return how != "lost"

        return undo

    def ended(self, subject, connection):
        connection.execute(insert(ENDS), {"saga": subject, "how": "ended"})

    def turned(self, subject, reason, connection):
        connection.execute(insert(ENDS), {"saga": subject, "how": f"turned: {reason}"})

    def begin(self, saga_id="s"):
        with self.database.write() as connection:
            run = self.journal.open(connection, saga_id)
        self.saga.forward(run, saga_id)

    def resume(self, state):
        return self.saga.resume(state, lambda saga_id: saga_id)

    def ends(self):
        with self.database.view() as connection:
            return [tuple(row) for row in connection.execute(select(ENDS))]

    def left(self):
        with self.database.view() as connection:
            return self.journal.counts(connection)

    def finish(self):
        """Nothing fails any more, and time passes."""
        self.script = []
        for _ in range(50):
            self.clock.now += 20
            self.resume("running")
            self.resume("undoing")
            if not self.left():
                return
        raise AssertionError(f"not at rest: {self.left()}")


@pytest.fixture(**BOTH)
def world(request):
    world = World(store=request.param)
    yield world
    world.database.close()


def test_all_steps_done_is_the_end(world):
    """The end is recorded with the last step, and the journal keeps nothing."""
    world.begin()

    assert (world.ends(), world.left()) == ([("s", "ended")], {})
    assert [name for _, name, _ in world.log] == ["first", "second", "last"]


def test_refusal_undoes_what_was_done_latest_first(world):
    """Not the refused step itself; whoever asked learns at once, the undoing comes after."""
    world.script = ["done", "done", "refused"]
    world.begin()
    told, left = world.ends(), world.left()
    world.finish()

    assert (told, left, world.held) == ([("s", "turned: no")], {"undoing": 1}, set())
    assert world.log[3:] == [("undo", "second"), ("undo", "first")]


@pytest.mark.parametrize("how", ["lost", "unreached"])
def test_step_that_may_have_acted_is_undone_too(world, how):
    """An answer that never came is no proof of anything."""
    world.script = ["done", how]
    world.begin()
    world.finish()

    assert world.log[2:] == [("undo", "second"), ("undo", "first")]
    assert world.held == set()


def test_point_of_no_return_is_asked_again_until_it_is_known(world):
    """No compensation behind it, however long it takes; it learns that it may have acted before."""
    world.script = ["done", "done", "lost", "unreached", "refused", "unreached"]
    world.begin()
    world.finish()
    world.finish()

    assert world.ends() == [("s", "ended")]
    assert [again for name, step, again in world.log if step == "last"][:2] == [False, True]
    assert ("undo", "first") not in world.log


def test_undo_that_fails_is_tried_again(world):
    """Compensation is not given up."""
    world.script = ["done", "refused", "unreached", "lost", "unreached"]
    world.begin()
    for _ in range(8):
        world.clock.now += 5
        world.resume("undoing")

    assert (world.held, world.left()) == (set(), {})
    assert world.log.count(("undo", "first")) == 4


def test_stuck_saga_is_counted(world):
    """What was tried in vain too often is seen; it is tried on all the same."""
    world.script = ["done", "done"] + ["unreached"] * 3
    world.begin()
    for _ in range(2):
        world.clock.now += 20
        world.resume("running")
    stuck = world.left()
    world.finish()

    assert stuck == {"running": 1, "stuck": 1}
    assert world.ends() == [("s", "ended")]


def test_nothing_is_resumed_while_its_lease_is_good_or_it_is_not_worth_it(world):
    """A saga at work is left alone, and an open breaker costs no attempts."""
    world.script = ["dies before"]
    with pytest.raises(CrashError):
        world.begin()
    world.clock.now += SETTINGS.lease - 0.1
    world.resume("running")
    world.clock.now += 0.1
    world.ready = False
    world.resume("running")

    assert [step for _, step, _ in world.log] == ["first"]


def test_overtaken_attempt_writes_nothing(world):
    """It wakes up after its lease, when somebody else is at work, and again when that has finished."""
    with world.database.write() as connection:
        slow = world.journal.open(connection, "s")
    world.clock.now += SETTINGS.lease
    (quick,) = world.journal.due("running", 1)
    claimed = world.journal.claim(quick)
    moved = world.journal.move(slow, "undoing", 2)
    world.saga.forward(quick, "s")
    world.saga.forward(slow, "s")

    assert (claimed, moved) == (True, False)
    assert world.ends() == [("s", "ended")]


def test_eight_threads_resume_a_saga_once(world):
    """Each step acts once."""
    for number in range(10):
        with world.database.write() as connection:
            world.journal.open(connection, f"s{number}")
    world.clock.now += SETTINGS.lease
    in_threads(lambda _: world.resume("running"))

    assert sorted(world.ends()) == sorted((f"s{number}", "ended") for number in range(10))
    assert len(world.log) == 30


class SagaMachine(RuleBasedStateMachine):
    """Sagas in a world that fails and dies at will, beside the plain rule: all, or nothing."""

    @initialize(holds=st.booleans())
    def make(self, holds):
        self.world, self.opened, self.holds = World(holds), 0, holds

    @rule(script=st.lists(st.sampled_from(BEHAVIOURS), max_size=6), crash_at=st.sampled_from([None, "before", "after"]))
    def begin(self, script, crash_at):
        self.world.script, self.world.database.crash_at = script, crash_at
        try:
            self.world.begin(f"s{self.opened}")
        except CrashError:
            pass
        finally:
            self.world.database.crash_at = None
        self.opened += 1

    @rule(
        state=st.sampled_from(["running", "undoing"]),
        script=st.lists(st.sampled_from(BEHAVIOURS), max_size=6),
        crash_at=st.sampled_from([None, "before", "after"]),
    )
    def resume(self, state, script, crash_at):
        self.world.script, self.world.database.crash_at = script, crash_at
        try:
            self.world.resume(state)
        except CrashError:
            pass
        finally:
            self.world.database.crash_at = None

    @rule(seconds=st.sampled_from([0.5, 5.0, 12.0]))
    def wait(self, seconds):
        self.world.clock.now += seconds

    def teardown(self):
        if not hasattr(self, "world"):
            return
        self.world.finish()
        ends = self.world.ends()
        assert len({saga for saga, _ in ends}) == len(ends)
        for saga, how in ends:
            held = {name for owner, name in self.world.held if owner == saga}
            assert held == ({"first", "second", "last"} if how == "ended" else set())
        assert {owner for owner, _ in self.world.held} <= {saga for saga, _ in ends}
        self.world.database.close()


TestSagaIsAllOrNothing = SagaMachine.TestCase


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lease": 0}, "saga.lease is 0"),
        ({"cap": 0.1}, "saga.cap is 0.1; right is a number from 0.25"),
        ({"stuck_after": 0}, "saga.stuck_after is 0"),
    ],
)
def test_setting_that_makes_no_sense_is_refused(fields, message):
    """By name, with what would be right."""
    with pytest.raises(SettingsError, match=message):
        SagaSettings(**fields)
