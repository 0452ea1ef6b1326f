"""The outbox: what was owed is delivered, in order, whatever dies; what cannot be delivered is parked and seen."""

import random

import pytest
from durable_store import BOTH, CrashError, MemoryStore, in_threads
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from scripted_peer import ManualClock
from sqlalchemy import MetaData

from resilience import trace
from resilience.durable import Delivery, Outbox, OutboxSettings, Relay, outbox_table
from resilience.errors import SettingsError

METADATA = MetaData()
TABLE = outbox_table(METADATA)
SETTINGS = OutboxSettings(base=1.0, cap=8.0, park_after=2, batch=3)


class Receiver:
    """Takes messages as it is told; keeps what arrived, twice if it came twice."""

    def __init__(self):
        self.arrived, self.answers, self.moments = [], [], []

    def __call__(self, message):
        answer = self.answers.pop(0) if self.answers else Delivery.DELIVERED
        if answer is CrashError:
            raise CrashError
        if answer is Delivery.DELIVERED:
            self.arrived.append((message.aggregate, message.payload["n"]))
        return answer


class Post:
    """An outbox, a relay, a receiver and a clock."""

    def __init__(self, settings=SETTINGS, store=MemoryStore):
        self.clock, self.database, self.receiver = ManualClock(), store(METADATA), Receiver()
        self.outbox, self.parked, self.settings, self.ready, self.n = Outbox(TABLE), [], settings, True, 0
        self.restart()

    def restart(self):
        self.relay = Relay(
            self.outbox,
            "mail",
            self.receiver,
            store=self.database,
            settings=self.settings,
            clock=self.clock,
            rng=random.Random(1),
            ready=lambda: self.ready,
            on_parked=lambda message: self.parked.append((message.aggregate, message.payload["n"])),
        )

    def owe(self, aggregate):
        self.n += 1
        with self.database.write() as connection:
            self.outbox.owe(connection, "mail", aggregate=aggregate, payload={"n": self.n})
        return (aggregate, self.n)

    def count(self, state="waiting"):
        with self.database.view() as connection:
            return self.outbox.counts(connection, state).get("mail", 0)

    def drain(self):
        for _ in range(200):
            if self.relay.step() > 0:
                if self.count() == 0:
                    return
                self.clock.now += 10
        raise AssertionError("the outbox does not become empty")


@pytest.fixture(**BOTH)
def post(request):
    post = Post(store=request.param)
    yield post
    post.database.close()


def test_change_that_is_rolled_back_owes_nothing(post):
    """The message is written in its transaction."""
    post.database.crash_at = "before"
    with pytest.raises(CrashError):
        post.owe("a")

    assert post.relay.step() > 0
    assert post.receiver.arrived == []


def test_message_whose_relay_died_after_delivering_is_delivered_again_under_its_id(post):
    """At least once; the receiver knows it by its id."""
    post.owe("a")
    ids = []
    post.receiver = lambda message: ids.append(message.id) or Delivery.DELIVERED
    post.restart()
    post.database.crash_at = "before"
    with pytest.raises(CrashError):
        post.relay.step()
    post.restart()
    post.relay.step()

    assert len(ids) == 2
    assert ids[0] == ids[1]
    assert post.count() == 0


def test_retried_message_is_not_overtaken_by_a_later_one_of_its_aggregate(post):
    """And holds up no other aggregate."""
    first, other, second = post.owe("a"), post.owe("b"), post.owe("a")
    post.receiver.answers = [Delivery.LATER]
    post.relay.step()
    post.relay.step()
    before = list(post.receiver.arrived)
    post.drain()

    assert before == [other]
    assert post.receiver.arrived == [other, first, second]


def test_waits_grow_with_jitter_up_to_the_cap(post):
    """No hot loop while the receiver is down: each wait is in the upper half of its range."""
    post.owe("a")
    post.receiver.answers = [Delivery.LATER] * 6
    waits = []
    for _ in range(6):
        post.relay.step()
        begun = post.clock.now
        while post.relay.step() > 0 and len(post.receiver.answers) == 5 - len(waits) and post.count():
            post.clock.now += 0.01
        waits.append(post.clock.now - begun)

    for wait, widest in zip(waits, [1, 2, 4, 8, 8, 8], strict=True):
        assert widest / 2 <= wait <= widest + 0.02


def test_receiver_that_is_away_for_long_parks_nothing(post):
    """Not being there says nothing against a message."""
    sent = post.owe("a")
    post.receiver.answers = [Delivery.LATER] * 50
    post.drain()

    assert (post.receiver.arrived, post.parked) == ([sent], [])


def test_poison_is_parked_counted_and_lets_the_next_one_pass(post):
    """After its refusals; it is kept, and can be tried again once the receiver is mended."""
    bad, good = post.owe("a"), post.owe("a")
    post.receiver.answers = [Delivery.POISON] * 2
    post.drain()
    parked = post.count("parked")
    with post.database.write() as connection:
        freed = post.outbox.unpark(connection, "mail")
    post.drain()

    assert (post.parked, parked, freed, post.count("parked")) == ([bad], 1, 1, 0)
    assert post.receiver.arrived == [good, bad]


def test_relay_does_not_try_while_it_is_not_worth_it(post):
    """An open breaker costs no attempts."""
    post.owe("a")
    post.ready = False

    assert post.relay.step() == SETTINGS.poll
    assert post.receiver.arrived == []


def test_message_carries_the_trace_of_whoever_owed_it(post):
    """Also after a restart, in another thread."""
    trace.receive({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Request-Id": "r-1"})
    post.owe("a")
    trace.forget()
    seen = []
    post.receiver = lambda message: seen.append((trace.request_id.get(), trace.trace_id())) or Delivery.DELIVERED
    post.restart()
    post.relay.step()
    trace.forget()

    assert seen == [("r-1", "0af7651916cd43dd8448eb211c80319c")]


def test_messages_of_eight_threads_all_arrive_in_the_order_of_their_aggregate(post):
    """While they are written the relay runs."""

    def work(number):
        if number == 0:
            return [post.relay.step() for _ in range(100)]
        return [post.owe(str(number)) for _ in range(20)]

    in_threads(work)
    post.drain()
    by_aggregate = {}
    for aggregate, n in post.receiver.arrived:
        by_aggregate.setdefault(aggregate, []).append(n)

    assert sorted(map(len, by_aggregate.values())) == [20] * 7
    assert post.relay.delivered == 140


class OutboxMachine(RuleBasedStateMachine):
    """The outbox beside lists: of what was owed, by aggregate; of what must have arrived in the end."""

    @initialize()
    def make(self):
        self.post, self.owed = Post(), []

    def teardown(self):
        if not hasattr(self, "post"):
            return
        self.post.receiver.answers = []
        self.post.drain()
        arrived = self.post.receiver.arrived
        for aggregate in "abc":
            first = list(dict.fromkeys(m for m in arrived if m[0] == aggregate))
            kept = [m for m in self.owed if m[0] == aggregate and m not in self.post.parked]
            assert [m for m in first if m in kept] == kept
        self.post.database.close()

    @rule(aggregate=st.sampled_from("abc"))
    def owe(self, aggregate):
        self.owed.append(self.post.owe(aggregate))

    @rule(answers=st.lists(st.sampled_from([*Delivery, CrashError]), max_size=4))
    def step(self, answers):
        self.post.receiver.answers = answers
        self.run()

    @rule(crash_at=st.sampled_from(["before", "after"]))
    def step_and_die(self, crash_at):
        self.post.receiver.answers = []
        self.post.database.crash_at = crash_at
        self.run()
        self.post.database.crash_at = None

    def run(self):
        try:
            self.post.relay.step()
        except CrashError:
            self.post.restart()

    @rule(seconds=st.sampled_from([0.1, 2.0, 20.0]))
    def wait(self, seconds):
        self.post.clock.now += seconds

    @invariant()
    def nothing_is_lost(self):
        if hasattr(self, "post"):
            known = self.post.count() + self.post.count("parked") + len(set(self.post.receiver.arrived))
            assert known >= len(self.owed)


TestOutboxIsALine = OutboxMachine.TestCase


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"base": 0}, "outbox.base is 0"),
        ({"cap": 0.1}, "outbox.cap is 0.1; right is a number from 0.25"),
        ({"park_after": 0}, "outbox.park_after is 0"),
        ({"batch": 0}, "outbox.batch is 0"),
        ({"poll": 0}, "outbox.poll is 0"),
    ],
)
def test_setting_that_makes_no_sense_is_refused(fields, message):
    """By name, with what would be right."""
    with pytest.raises(SettingsError, match=message):
        OutboxSettings(**fields)
