"""The bulkhead: slots, the queue before them, and when a slot comes back."""

from __future__ import annotations

import threading

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from scripted_peer import ManualClock, Peer

from resilience import Bulkhead, BulkheadFullError, BulkheadSettings, Deadline, SettingsError, Slots

ONE = BulkheadSettings(slots=1)


def request():
    return httpx.Request("GET", "http://peer/")


def run(*targets):
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)


class Held(httpx.SyncByteStream):
    def __iter__(self):
        yield b"slow"


def test_call_over_the_limit_is_rejected_without_being_sent():
    """And says so at once."""
    slots = Slots(1)
    slots.take(0)
    peer = Peer(200)
    with pytest.raises(BulkheadFullError, match="a->b: all 1 slots are taken") as caught:
        Bulkhead(peer, ONE, slots=slots, name="a->b").handle_request(request())

    assert (peer.calls, slots.refused) == (0, 1)
    assert caught.value.retry_after > 0


@pytest.mark.parametrize("outcome", [200, 503, httpx.ReadError("reset"), KeyboardInterrupt(), ValueError()], ids=repr)
def test_slot_comes_back_however_the_call_ends(outcome):
    """A leak of one slot an outage would close the edge for good."""
    bulkhead = Bulkhead(Peer(outcome), ONE)
    for _ in range(3):
        if isinstance(outcome, BaseException):
            with pytest.raises(type(outcome)):
                bulkhead.handle_request(request())
        else:
            bulkhead.handle_request(request())

    assert bulkhead.slots.in_use == 0


@pytest.mark.parametrize("read", [True, False], ids=["read", "closed unread"])
def test_slot_is_held_until_the_body_is_at_its_end(read):
    """Headers are not the end; closing twice gives back once."""
    bulkhead = Bulkhead(Peer(httpx.Response(200, stream=Held())), ONE)
    response = bulkhead.handle_request(request())
    assert bulkhead.slots.in_use == 1
    response.read() if read else response.close()
    response.close()

    assert bulkhead.slots.in_use == 0


def test_waiting_ends_at_the_deadline():
    """Not after the minute that the queue would allow."""
    slots = Slots(1, queue=1)
    slots.take(0)
    bulkhead = Bulkhead(Peer(200), BulkheadSettings(slots=1, queue=1, max_wait=60), slots=slots)
    with pytest.raises(BulkheadFullError):
        Deadline(bulkhead, seconds=0.02).handle_request(request())

    assert (slots.waiting, slots.in_use) == (0, 1)


def test_slot_is_handed_to_the_one_who_waited_longest():
    """Not to whoever comes by at the right moment."""
    slots = Slots(1, queue=3)
    slots.take(0)
    first, second = slots.ask(), slots.ask()
    slots.give_back()
    late = slots.ask()

    assert [place.given for place in (first, second, late)] == [True, False, False]


def test_slot_that_came_too_late_is_not_lost():
    """Given between the end of the wait and the leaving: it is used, or the queue would be short of one for ever."""
    slots = Slots(1, queue=1)
    slots.take(0)
    place = slots.ask()
    slots.give_back()

    assert slots.leave(place) is True
    assert slots.in_use == 1


def test_interrupted_wait_keeps_no_slot(monkeypatch):
    """Ctrl-C in the queue."""
    slots = Slots(1, queue=1)
    slots.take(0)

    def interrupt(place, seconds):
        slots.give_back()  # the slot is given in the very instant
        raise KeyboardInterrupt

    monkeypatch.setattr("resilience.slots.Place.wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        slots.take(5)

    assert (slots.in_use, slots.waiting) == (0, 0)


def test_never_more_inside_than_slots_under_threads():
    """Eight threads, three slots, a queue for all: the most that were inside at once is three, and all were served."""
    inside, most, lock = [0], [0], threading.Lock()

    def visit(_):
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        threading.Event().wait(0.0005)
        with lock:
            inside[0] -= 1
        return httpx.Response(200)

    bulkhead = Bulkhead(Peer(visit), BulkheadSettings(slots=3, queue=8, max_wait=60))
    served = []
    run(*[lambda: served.extend(bulkhead.handle_request(request()).status_code for _ in range(40))] * 8)

    assert most[0] == 3
    assert (len(served), bulkhead.slots.in_use, bulkhead.slots.waiting) == (320, 0, 0)


def test_giving_up_and_handing_on_at_the_same_time_loses_nothing():
    """Waits as short as the calls, so that both meet; what was refused and what was served is all that was asked."""
    slots = Slots(1, queue=8)
    served = []

    def work():
        for _ in range(200):
            if slots.take(0.0002):
                served.append(1)
                slots.give_back()

    run(*[work] * 8)

    assert len(served) + slots.refused == 1600
    assert (slots.in_use, slots.waiting) == (0, 0)


def test_rejection_is_told():
    """With how full it is."""
    events, slots = [], Slots(1)
    slots.take(0)
    with pytest.raises(BulkheadFullError):
        Bulkhead(Peer(200), ONE, slots=slots, name="a->b", events=events.append).handle_request(request())

    assert [(event.edge, event.policy, event.kind) for event in events] == [("a->b", "bulkhead", "rejected")]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"slots": 0}, "bulkhead.slots is 0"),
        ({"queue": -1}, "bulkhead.queue is -1"),
        ({"queue": 5}, "bulkhead.max_wait is 0.0; right is a number from 0.001"),
        ({"max_wait": 1.0}, "bulkhead.max_wait is 1.0; right is a number from 0 to 0"),
    ],
)
def test_setting_that_makes_no_sense_is_refused(values, message):
    """A queue without a wait, or a wait without a queue, among them."""
    with pytest.raises(SettingsError) as caught:
        BulkheadSettings(**values)

    assert message in str(caught.value)


class SameAsTwoLists(RuleBasedStateMachine):
    """Slots and queue against two plain lists."""

    limit, queue = 2, 3

    def __init__(self):
        super().__init__()
        self.slots = Slots(self.limit, queue=self.queue)
        self.inside, self.line, self.refused = 0, [], 0

    @rule(wait=st.booleans())
    def ask(self, wait):
        place = self.slots.ask(wait=wait)
        if self.inside < self.limit:
            self.inside += 1
            assert place.given
        elif wait and len(self.line) < self.queue:
            self.line.append(place)
            assert not place.given
        else:
            self.refused += 1
            assert place is None

    @precondition(lambda self: self.inside)
    @rule()
    def give_back(self):
        self.slots.give_back()
        if self.line:
            assert self.line.pop(0).wait(0)
        else:
            self.inside -= 1

    @precondition(lambda self: self.line)
    @rule(data=st.data())
    def leave(self, data):
        place = self.line.pop(data.draw(st.integers(0, len(self.line) - 1)))
        self.refused += 1
        assert not self.slots.leave(place)

    @invariant()
    def agrees(self):
        assert (self.slots.in_use, self.slots.waiting, self.slots.refused) == (
            self.inside,
            len(self.line),
            self.refused,
        )
        assert not any(place.given for place in self.line)


TestSameAsTwoLists = SameAsTwoLists.TestCase
TestSameAsTwoLists.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


def test_queueing_time_is_noted_for_the_breaker():
    """Which must not take it for slowness of the peer."""
    clock, slots = ManualClock(), Slots(1, queue=1)

    class Instant(Slots):
        def take(self, patience):
            clock.now += 0.5
            return super().take(patience)

    slots = Instant(1, queue=1)
    sent = request()
    Bulkhead(Peer(200), BulkheadSettings(slots=1, queue=1, max_wait=1), slots=slots, clock=clock).handle_request(sent)

    assert sent.extensions["resilience.waited"] == pytest.approx(0.5)
