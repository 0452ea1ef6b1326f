"""Faults on a system that stands: put with a proof, lifted by themselves or when asked, journalled all the while."""

import threading

import pytest
from fault_stack import IDLE, WEB, FaultStack, Impatience

from windtunnel.errors import BadInputError, InjectionUnprovenError
from windtunnel.faults import SHAPES
from windtunnel.spec.surroundings import Surroundings
from windtunnel.standby.desk import Desk
from windtunnel.standby.in_place import FaultsInPlace
from windtunnel.standby.words import read_words
from windtunnel.standby.worker import Worker
from windtunnel.undo import Journal

AROUND = Surroundings(
    edges=(WEB, IDLE), services=("web",), scenarios=(), invariants=(), has_invariants=False, faults=SHAPES
)


class Caller:
    """Who asks, and all that it was told."""

    def __init__(self):
        self.said, self.wrong, self.gone = [], [], False

    def say(self, text):
        self.said.append(text)

    def send(self, **message):
        self.wrong.append(message["wrong"])


class Time:
    """Stands still unless it is moved."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def stack():
    made = FaultStack()
    yield made
    made.close()


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal")


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def faults(stack, journal, time):
    return FaultsInPlace(stack, journal, clock=time)


@pytest.fixture
def worker(faults):
    made = Worker(faults, lambda text: None)
    made.start()
    yield made
    made.close()


@pytest.fixture
def told():
    return []


@pytest.fixture
def desk(faults, worker, told):
    return Desk("faulty", AROUND, faults, worker, told.append, redact=lambda text: text.replace("proven", "PROVEN"))


def put(faults, *words):
    """Put it; whether it was proven, and what was said."""
    said = []
    return faults.put(read_words(words, AROUND), said.append), said


def test_a_fault_is_journalled_applied_and_proven(stack, journal, faults):
    """It bites without any traffic before it: a person may break first and call afterwards."""
    proven, said = put(faults, WEB, "down")

    assert proven
    assert said[0] == "1 caller->web down: applied, being proven"
    assert "disabled read back; a canary was refused" in said[1]
    assert stack.call() == ["ConnectionRefusedError"]
    assert [pending.op for pending in journal.pending()] == ["proxy_enable"]
    assert [str(entry) for entry in faults.current] == ["1 caller->web down"]


def test_lifting_takes_it_back_and_proves_that(stack, journal, faults):
    """The journal has nothing left to do then; what met the fault is told."""
    put(faults, WEB, "latency=300ms")
    stack.call(count=2)
    said = []
    gone = faults.lift(faults.current, said.append)

    assert gone
    assert said[0] == "1 caller->web latency=300ms: lifted; it had touched 2 connections or requests"
    assert "the proxy is clean, a canary was answered" in said[1]
    assert not journal.pending()
    assert not faults.current


def test_it_is_lifted_when_its_time_is_over_and_not_before(stack, faults, time):
    """Its time begins when it is applied."""
    put(faults, WEB, "down", "for", "30s")
    time.now += 29.9
    faults.lift_due(lambda text: None)
    before = stack.call()
    time.now += 0.1
    faults.lift_due(lambda text: None)

    assert (before, stack.call()) == (["ConnectionRefusedError"], [200])
    assert faults.next_end is None


def test_the_next_end_is_that_of_the_first_to_end(faults):
    """However they were put."""
    put(faults, WEB, "latency=300ms", "for", "60s")
    put(faults, IDLE, "down", "for", "20s")
    put(faults, WEB, "latency=900ms")

    assert faults.next_end == 1020.0


def test_what_cannot_be_proven_is_taken_back(stack, journal, faults, monkeypatch):
    """And said to be, with the reason."""

    def refuse(self, stack):
        raise InjectionUnprovenError("a canary was answered")

    monkeypatch.setattr("windtunnel.faults.down.Down.prove", refuse)
    proven, said = put(faults, WEB, "down")

    assert not proven
    assert said[1] == "1 caller->web down: NOT PROVEN: a canary was answered"
    assert "gone: edge caller->web" in said[3]
    assert stack.call() == [200]
    assert not journal.pending()


def test_a_bug_in_a_proof_takes_the_fault_back_too(stack, faults, monkeypatch):
    """Whatever it is."""

    def crash(self, stack):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("windtunnel.faults.down.Down.prove", crash)

    assert put(faults, WEB, "down")[1][1].endswith("NOT PROVEN: ZeroDivisionError: ours")
    assert stack.call() == [200]


def test_where_nothing_can_be_done_nothing_is_in_place(stack, journal, faults):
    """What is there already is named: it may be why."""
    put(faults, WEB, "down")
    with pytest.raises(InjectionUnprovenError, match="a canary was refused") as caught:
        put(faults, WEB, "latency=300ms")

    assert caught.value.__notes__ == ["in place already: 1 caller->web down"]
    assert len(faults.current) == 1
    assert len(journal.pending()) == 1


def test_what_cannot_be_taken_back_stays_and_can_be_tried_again(stack, journal, faults):
    """It is not tried again and again by itself; the others are lifted."""
    put(faults, WEB, "latency=300ms", "for", "30s")
    put(faults, IDLE, "down")
    upstream = stack.client.proxy(WEB).upstream
    (first, second) = faults.current
    remove, first.fault.undo = first.fault.undo, lambda stack: (_ for _ in ()).throw(OSError("no way"))
    said = []

    assert not faults.lift(faults.current, said.append)
    assert said[1] == (
        "1 caller->web latency=300ms: COULD NOT BE LIFTED: OSError: no way; to try again: windtunnel lift 1"
    )
    assert (first.state, faults.current, faults.next_end) == ("stuck", (first,), None)
    assert len(journal.pending()) == 1
    first.fault.undo = remove
    assert faults.lift(faults.current, said.append)
    assert (stack.client.proxy(WEB).upstream, second.state) == (upstream, "being lifted")


def test_an_edge_that_stays_ill_is_not_proven_to_be_whole(stack, faults, monkeypatch):
    """What is still in place is named: it may be why."""
    monkeypatch.setattr("windtunnel.faults.edge.Patience", lambda: Impatience().patience)
    put(faults, WEB, "latency=300ms")
    put(faults, WEB, "down")
    said = []

    assert not faults.lift([faults.current[0]], said.append)
    assert "NOT PROVEN TO BE GONE" in said[1]
    assert said[1].endswith("still in place: 2 caller->web down")


def test_all_are_taken_back_before_any_is_proven_to_be_gone(stack, faults):
    """Otherwise the one would stand in the way of the other's proof."""
    put(faults, WEB, "latency=300ms")
    put(faults, WEB, "down")
    said = []

    assert faults.lift(faults.current, said.append)
    assert [line.split(": ")[1].split(";")[0] for line in said] == ["lifted", "lifted", "gone", "gone"]
    assert said[0].startswith("2 ")


def test_the_second_terminal_hears_what_the_first_does(desk, told):
    """Without any secret; and its exit code is 0 when the fault is proven."""
    caller = Caller()

    assert desk.answer({"ask": "fault", "words": [WEB, "down"]}, caller) == 0
    assert [line.split(": ")[1] for line in told] == ["applied, being proven", "proven"]
    assert caller.said == [line.replace("proven", "PROVEN") for line in told]


def test_a_slip_in_the_words_reaches_nobody_but_who_made_it(desk, told):
    """Exit code 2."""
    caller = Caller()

    assert desk.answer({"ask": "fault", "words": [WEB, "dwn"]}, caller) == 2
    assert "unknown fault 'dwn'; known: down" in caller.wrong[0]
    assert told == []


def test_what_could_not_be_done_is_not_proven(desk):
    """Exit code 3, with the reason and what is in place."""
    caller = Caller()
    desk.answer({"ask": "fault", "words": [WEB, "down"]}, Caller())

    assert desk.answer({"ask": "fault", "words": [WEB, "reset"]}, caller) == 3
    assert caller.said[0].startswith("not done: edge caller->web: a canary was refused")
    assert caller.said[0].endswith("in place already: 1 caller->web down")


def test_a_fault_is_lifted_by_its_number(desk, faults, stack):
    """A number that nothing has is wrong input that lists what there is."""
    desk.answer({"ask": "fault", "words": [WEB, "down"]}, Caller())
    desk.answer({"ask": "fault", "words": [IDLE, "down"]}, Caller())
    caller = Caller()

    assert desk.answer({"ask": "lift", "numbers": [7]}, caller) == 2
    assert caller.wrong == ["no fault 7 is in place; in place: 1 caller->web down, 2 other->web down"]
    assert desk.answer({"ask": "lift", "numbers": [1]}, caller) == 0
    assert [entry.number for entry in faults.current] == [2]
    assert stack.call() == [200]


def test_all_faults_are_lifted_at_once(desk, faults):
    """Where there is none, that is said, and fine."""
    desk.answer({"ask": "fault", "words": [WEB, "down"]}, Caller())
    caller = Caller()

    assert desk.answer({"ask": "lift", "numbers": []}, caller) == 0
    assert faults.current == ()
    assert desk.answer({"ask": "lift", "numbers": []}, caller) == 0
    assert caller.said[-1] == "nothing is in place"


def test_what_is_in_place_is_listed(desk):
    """With its state and the time that is left."""
    caller = Caller()
    desk.answer({"ask": "list"}, caller)
    desk.answer({"ask": "fault", "words": [WEB, "down"]}, Caller())
    desk.answer({"ask": "list"}, caller)

    assert caller.said == ["nothing is in place", "1 caller->web down: proven"]


def test_a_question_of_another_version_is_refused(desk):
    """In words."""
    caller = Caller()

    assert desk.answer({"ask": "dance"}, caller) == 2
    assert "of another version" in caller.wrong[0]


def test_who_hangs_up_before_its_turn_is_not_served(desk, worker, faults):
    """A fault that nobody waits for any more must not come as a surprise."""
    begun, go = threading.Event(), threading.Event()
    worker.ask(lambda: begun.set() or go.wait(5))
    begun.wait(5)
    caller = Caller()
    caller.gone = True

    assert desk.answer({"ask": "fault", "words": [WEB, "down"]}, caller) == 3
    go.set()
    assert worker.ask(lambda: True).result(5)
    assert faults.current == ()


def test_after_closing_nothing_is_begun(desk, worker):
    """What waited is cancelled, and said to be; a second close is harmless."""
    worker.close()
    worker.close()
    caller = Caller()

    assert desk.answer({"ask": "fault", "words": [WEB, "down"]}, caller) == 3
    assert caller.said == ["not done: the system is being taken down"]


def test_closing_lets_what_is_being_done_come_to_its_end(worker):
    """And cancels what waits behind it."""
    begun, go = threading.Event(), threading.Event()
    doing = worker.ask(lambda: begun.set() or go.wait(5))
    waiting = worker.ask(lambda: True)
    begun.wait(5)
    closing = threading.Thread(target=worker.close)
    closing.start()
    while not waiting.cancelled():
        assert closing.is_alive()
    go.set()
    closing.join(5)

    assert doing.result(0)
    assert not closing.is_alive()


def test_an_error_in_one_act_does_not_end_the_worker(worker):
    """It is raised to who asked."""

    def fail():
        raise BadInputError("mine")

    with pytest.raises(BadInputError, match="mine"):
        worker.ask(fail).result(5)

    assert worker.ask(lambda: True).result(5)


def test_the_worker_lifts_what_has_lasted_long_enough(stack, journal):
    """By itself, without anybody asking for anything."""
    lifted, said = threading.Event(), []

    def tell(text):
        said.append(text)
        if "gone" in text:
            lifted.set()

    faults = FaultsInPlace(stack, journal)
    worker = Worker(faults, tell)
    worker.start()
    asked = read_words((WEB, "down", "for", "10ms"), AROUND)

    assert worker.ask(lambda: faults.put(asked, lambda text: None)).result(5)
    assert lifted.wait(5)
    worker.close()
    assert said[0] == "1 caller->web down: lifted"
    assert stack.call() == [200]
