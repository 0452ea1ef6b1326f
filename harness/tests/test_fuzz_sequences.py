"""Chains and walks on a small running system: what is right passes, each defect is named, nothing passes vacuously."""

from dataclasses import replace

import pytest
from sequence_system import write_sequence_system

from windtunnel.fuzz.chains import run_chain
from windtunnel.fuzz.fuzzer import Fuzzer
from windtunnel.fuzz.suite import read_suite
from windtunnel.fuzz.walk import run_walk
from windtunnel.fuzz.walk_shrink import shrink
from windtunnel.fuzz.walk_steps import Step, Walk
from windtunnel.settings import Settings
from windtunnel.tunnel import Tunnel

EDGE, MAKE = "front->back", "front: POST /things"


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    tunnel = Tunnel(Settings(topology=write_sequence_system(folder), out=folder / "out"))
    yield tunnel
    tunnel.close()


@pytest.fixture
def fuzzer(system):
    """On a system whose front was just started, with that defect."""

    def with_defect(defect):
        system.stack.replace("front", {"DEFECT": defect})
        suite = read_suite(system.topology)
        # What the document forbids is for other tests: this front believes what it is sent.
        profile = replace(suite.plan.profile("ci"), invalid_under_fault=0)
        made = Fuzzer(
            system.stack,
            system.run.journal,
            plan=suite.plan,
            profile=profile,
            table=suite.table,
            links=suite.links,
            patience=2.0,
        )
        return suite, made

    return with_defect


def chain(fuzzer, chain_id, defect="none"):
    suite, made = fuzzer(defect)
    return run_chain(made, next(chain for chain in suite.chains if chain.id == chain_id))


def walk(fuzzer, *steps, defect="none"):
    suite, made = fuzzer(defect)
    return run_walk(made, suite.ground, Walk(number=1, steps=steps))


def on(fault):
    return Step(do="fault", edge=EDGE, fault=fault)


def off(fault):
    return Step(do="lift", edge=EDGE, fault=fault)


def call(number):
    return Step(do="call", operation=MAKE, call=number)


def replay(number):
    return Step(do="replay", call=number)


def follow(number, link=0):
    return Step(do="follow", call=number, link=link)


def lines(result):
    return [line for problem in result.problems for line in problem.wrong]


CHAINS = ["makeThing -> readThing", "makeThing -> deleteThing", "makeThing -> again -> readThing"]
STEPS = [on("answer-lost"), call(1), replay(1), off("answer-lost"), on("slow"), call(2), follow(2), off("slow")]


@pytest.mark.parametrize("chain_id", CHAINS)
def test_a_service_whose_links_are_true_passes(fuzzer, chain_id):
    """Each link of the chain was followed, by the result itself."""
    result = chain(fuzzer, f"front: {chain_id}")

    assert (result.problems, result.errors) == ([], [])
    assert sum(result.followed.values()) == chain_id.count("->")


@pytest.mark.parametrize(
    ("chain_id", "defect", "told"),
    [
        ("makeThing -> readThing", "forgets", "answered 404, though 201 said that it is there"),
        ("makeThing -> readThing", "mixes up", "was asked for, and 'another' was answered"),
        ("makeThing -> again -> readThing", "another one", "the same request again made another one"),
        ("makeThing -> deleteThing", "deletes nothing", "answered 200; expected: 404, 410"),
    ],
)
def test_a_link_that_is_not_true_is_a_failure(fuzzer, chain_id, defect, told):
    """What was made is not there, is another, is made twice, or is still there."""
    result = chain(fuzzer, f"front: {chain_id}", defect)

    assert result.outcome == "FAIL"
    assert any(told in line for line in lines(result)), lines(result)


def test_a_link_that_was_never_followed_is_an_error(fuzzer):
    """The document has it at 201 alone, and 202 came: nothing is known of it."""
    result = chain(fuzzer, "front: makeThing -> readThing", "accepts")

    assert (result.outcome, result.followed) == ("ERROR", {})
    assert "the document has no link readThing for that" in result.errors[0]


def test_a_cell_asks_again_as_the_document_says_and_expects_a_final_answer(fuzzer):
    """`503 again` is a promise: what was refused in the outage is done when it is over."""
    verdicts = []
    for defect in ("none", "never recovers"):
        suite, made = fuzzer(defect)
        verdicts.append(made.run(next(cell for cell in suite.cells if cell.condition == f"{EDGE} answer-lost")))
    sound, ill = verdicts

    assert (sound.outcome, ill.outcome) == ("PASS", "FAIL")
    assert sound.followed["front: makeThing 503 again"] >= 1
    assert any("makeThing 503 again: asked again for 2 s, and never got a final answer" in line for line in lines(ill))


def test_a_sound_system_passes_a_walk_and_says_what_was_proven(fuzzer):
    """Every fault is counted where it was met, and is gone at the end; a client came again for what was lost."""
    result = walk(fuzzer, *STEPS)

    assert (result.problems, result.errors) == ([], [])
    assert result.proof.startswith("faults proven in place and proven gone: 2; calls that met one: ")
    assert (result.reached or 0) >= 2
    assert result.followed["front: makeThing 503 again"] >= 1


def test_a_fault_that_the_walk_leaves_on_is_lifted_at_its_end(fuzzer):
    """Else the next item would run on a broken system."""
    result = walk(fuzzer, on("slow"), call(1))

    assert result.outcome == "PASS"
    assert any(line.startswith(f"at the end, lift {EDGE}") for line in result.story)


@pytest.mark.parametrize(
    ("steps", "defect", "told"),
    [
        ([on("answer-lost"), call(1), off("answer-lost"), replay(1)], "doubles what was lost", "has 2 entries"),
        ([on("slow"), call(1), off("slow"), follow(1)], "forgets what was slow", "though 201 said that it is there"),
        (
            [on("black-holed"), call(1), off("black-holed"), on("refused"), call(2)],
            "gives up after two kinds",
            "answered 507, a server error",
        ),
        ([on("answer-lost"), call(1)], "never recovers", "answered 503; it must succeed"),
        ([on("answer-lost"), call(1)], "never recovers", "asked again for 2 s, and never got a final answer"),
    ],
)
def test_a_walk_finds_what_no_single_fault_shows(fuzzer, steps, defect, told):
    """A doubled write, a thing that is lost, an answer that only two faults bring about, a system that stays ill."""
    result = walk(fuzzer, *steps, defect=defect)

    assert result.outcome == "FAIL"
    assert any(told in line for line in lines(result)), lines(result)
    assert any("curl -sS" in line for line in result.story)


def test_one_fault_alone_does_not_show_the_answer_that_needs_two(fuzzer):
    """So that the case above is about faults that come and go."""
    result = walk(fuzzer, on("black-holed"), call(1), defect="gives up after two kinds")

    assert (result.outcome, lines(result)) == ("PASS", [])


def test_a_walk_of_which_no_call_met_a_fault_is_an_error(fuzzer):
    """Nothing was learnt."""
    result = walk(fuzzer, on("slow"), call(1), defect="asks nobody")

    assert (result.outcome, result.reached) == ("ERROR", 0)
    assert "no call was seen on an edge while it was broken" in result.errors[0]


def test_a_refused_connection_alone_is_no_proof(fuzzer):
    """Nobody records one, so a walk needs a fault that can be counted."""
    result = walk(fuzzer, on("refused"), call(1))

    assert result.outcome == "ERROR"


def test_an_invariant_that_cannot_be_asked_is_an_error(fuzzer, system):
    """It never counts as held."""
    plan = system.topology.path.parent / "fuzz.yaml"
    text = plan.read_text()
    plan.write_text(text.replace("[one_entry_per_key]", "[that_cannot_be_asked]"))
    try:
        result = walk(fuzzer, on("slow"), call(1))
    finally:
        plan.write_text(text)

    assert result.outcome == "ERROR"
    assert "invariant that_cannot_be_asked could not be asked" in result.errors[0]


def test_a_walk_that_failed_is_shrunk_to_what_is_needed(fuzzer):
    """The three faults beside it and the calls after it are dropped; the story says how far that went."""
    suite, made = fuzzer("forgets what was slow")
    steps = (on("answer-lost"), call(1), off("answer-lost"), on("slow"), call(2), off("slow"), follow(2), call(3))
    failed = run_walk(made, suite.ground, Walk(number=1, steps=steps))
    result = shrink(Walk(number=1, steps=steps), failed, lambda shorter: run_walk(made, suite.ground, shorter))

    assert result.outcome == "FAIL"
    assert result.story[0].startswith("shrunk from 8 steps to ")
    assert not any("answer-lost" in line for line in result.story)
