"""Walks as they are drawn, and as they are made shorter: nothing runs here."""

import pytest
from sequence_system import write_sequence_system

from windtunnel.errors import SpecError
from windtunnel.fuzz.cells import CellResult, Problem
from windtunnel.fuzz.faults import FAULTS
from windtunnel.fuzz.suite import read_suite
from windtunnel.fuzz.walk_shrink import MOST_RUNS, shrink
from windtunnel.fuzz.walk_steps import MOST_AT_ONCE, Step, Walk, draw_walks
from windtunnel.topology import read_topology

STORE = "platform/topology.yaml"


@pytest.fixture(scope="module")
def ground(pytestconfig):
    """The storefront's: several operations and edges."""
    return read_suite(read_topology(pytestconfig.rootpath / STORE)).ground


def test_the_same_seed_draws_the_same_walks(ground):
    """Another seed draws others."""
    assert draw_walks(ground, 5, 12, 7) == draw_walks(ground, 5, 12, 7)
    assert draw_walks(ground, 5, 12, 7) != draw_walks(ground, 5, 12, 8)


def test_every_walk_begins_with_a_fault_that_can_be_counted_and_a_call_that_can_meet_it(ground):
    """Else a walk could pass without having learnt anything."""
    walks = draw_walks(ground, 30, 12, 1)

    assert len(walks) == 30
    for walk in walks:
        first, second, *_ = walk.steps
        assert (first.do, second.do) == ("fault", "call")
        assert FAULTS[first.fault].countable
        assert second.operation in ground.edges[first.edge]


def test_no_step_means_what_cannot_be(ground):
    """A fault on an edge that has one, a lift of what is not on, a replay of what was not called."""
    for walk in draw_walks(ground, 30, 30, 2):
        on, called = set(), 0
        for step in walk.steps:
            if step.do == "fault":
                assert step.edge not in on
                on.add(step.edge)
                assert len(on) <= MOST_AT_ONCE
            elif step.do == "lift":
                on.remove(step.edge)
            elif step.do == "call":
                called += 1
                assert step.call == called
            else:
                assert 1 <= step.call <= called


def test_faults_come_and_go_in_the_walks_of_a_run(ground):
    """Every kind of step is taken, and an edge is broken that was lifted before."""
    walks = draw_walks(ground, 30, 30, 3)

    assert {step.do for walk in walks for step in walk.steps} == {"call", "replay", "follow", "fault", "lift"}
    assert any(sum(step.do == "fault" for step in walk.steps) > MOST_AT_ONCE for walk in walks)


def test_where_no_edge_is_used_there_is_nothing_to_walk(tmp_path):
    """No walk, rather than one that cannot break anything."""
    topology = read_topology(write_sequence_system(tmp_path))
    (tmp_path / "fuzz_edges.yaml").write_text("edges-used: windtunnel/v1\noperations: {}\n")

    assert read_suite(topology).walks("ci") == ()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('walk: {calls: ["front: POST /thinks"]}', "unknown operation 'front: POST /thinks'"),
        ('walk: {calls: ["front: POST /things"], invariants: [one_entry]}', "there is no invariant one_entry in"),
        ("walk: {calls: []}", "expected a list of at least 1"),
        ("walk: {invariants: [one_entry_per_key]}", "calls"),
    ],
)
def test_a_mistake_about_walks_is_told_at_collection(tmp_path, wrong, told):
    """With what would be right."""
    topology = read_topology(write_sequence_system(tmp_path))
    plan = tmp_path / "fuzz.yaml"
    plan.write_text(plan.read_text().partition("walk:")[0] + wrong + "\n")

    with pytest.raises(SpecError) as raised:
        read_suite(topology)

    assert told in str(raised.value)


def steps(count):
    return tuple(Step(do="call", operation="o", call=i) for i in range(1, count + 1))


def result(*wrong, dirty=False):
    made = CellResult(id="walk 1", dirty=dirty)
    made.problems = [Problem(request=request, wrong=(line,), curl="", answer="") for request, line in wrong]
    return made


class System:
    """Breaks when the calls that it minds are all there; notes each walk."""

    def __init__(self, *minds, words="answered 500", dirty=False):
        self.minds, self.words, self.dirty, self.walked = set(minds), words, dirty, []

    def run(self, walk):
        self.walked.append(walk)
        broke = self.minds <= {step.call for step in walk.steps}
        return result(("at rest", self.words), dirty=self.dirty) if broke else result()


def test_shrinking_keeps_what_the_failure_needs():
    """Two of five calls."""
    walk, system = Walk(number=1, steps=steps(5)), System(2, 4)
    found = shrink(walk, system.run(walk), system.run, clock=lambda: 0.0)
    shortest = min((w for w in system.walked if system.minds <= {s.call for s in w.steps}), key=lambda w: len(w.steps))

    assert [step.call for step in shortest.steps] == [2, 4]
    assert found.story[0].startswith("shrunk from 5 steps to 2, in ")


def test_shrinking_first_drops_what_came_after_the_wrong_answer():
    """It is told with the number of its step."""
    walk, system = Walk(number=1, steps=steps(40)), System(1, 2)
    shrink(walk, result(("2. call 2: o", "answered 500")), system.run, clock=lambda: 0.0)

    assert len(system.walked[0].steps) == 2


def test_a_fault_is_dropped_with_its_lift():
    """And no other lift of that edge."""
    fault, lift = Step(do="fault", edge="a->b", fault="slow"), Step(do="lift", edge="a->b", fault="slow")
    walk, system = Walk(number=1, steps=(fault, lift, fault, *steps(1), lift)), System(1)
    shrink(walk, system.run(walk), system.run, clock=lambda: 0.0)

    assert system.walked[1].steps == (fault, *steps(1), lift)


def test_shrinking_ends_after_so_many_runs():
    """And says what it is worth."""
    walk, system = Walk(number=1, steps=steps(60)), System(*range(1, 61))
    found = shrink(walk, system.run(walk), system.run, clock=lambda: 0.0)

    assert len(system.walked) == MOST_RUNS + 1
    assert found.story[0] == f"not shrunk: {MOST_RUNS} shorter walks did not break so"


def test_another_failure_does_not_count():
    """A walk that broke differently is another finding; numbers and ids aside."""
    walk, system = Walk(number=1, steps=steps(3)), System(2, words="answered 404")
    found = shrink(walk, result(("at rest", "key 12 has 2 entries")), system.run, clock=lambda: 0.0)

    assert found.story[0].startswith("not shrunk: ")


def test_a_system_that_is_no_longer_whole_is_not_walked_again():
    """What it did then would tell nothing."""
    walk, system = Walk(number=1, steps=steps(3)), System(2)
    found = shrink(walk, result(("at rest", "stock is lost"), dirty=True), system.run, clock=lambda: 0.0)

    assert (system.walked, found.dirty) == ([], True)
    assert found.story[0] == "not shrunk: the system is no longer whole"
