"""What goes wrong with Pact elsewhere cannot go wrong here: one test for each trap."""

import os
import subprocess
import sys

import httpx
import pact_wires
import pytest
from pact import match

from windtunnel.contracts.pact_consumer import Drafts, collect
from windtunnel.contracts.pact_files import pacts_with, read_pact, read_pacts
from windtunnel.contracts.pact_states import States
from windtunnel.contracts.pact_verifier import verify
from windtunnel.errors import CheckFailedError, PactError, StateError


def verified(folder, *interactions, states=None, status=200, **how):
    """The report on a store that answers everything with that status."""
    path = pact_wires.write(folder, *interactions)
    with pact_wires.served(pact_wires.says(status)) as url:
        return verify("store", [read_pact(path)], states=states or States(), url=url, **how)


def test_file_without_interactions_is_an_error(tmp_path):
    """Verifying it would pass without having looked."""
    path = pact_wires.write(tmp_path)

    with pytest.raises(PactError, match=rf"^{path}: has no interactions: .*add one$"):
        read_pact(path)


def test_folder_without_pacts_is_an_error(tmp_path):
    """So is a folder of nothing."""
    with pytest.raises(PactError, match="no pact file"):
        read_pacts(tmp_path)


def test_provider_that_no_pact_names_is_an_error(tmp_path):
    """A slip in a name would select nothing, and pass."""
    pact_wires.write(tmp_path, pact_wires.interaction())

    with pytest.raises(PactError, match="no pact names the provider 'stoer'; known: store"):
        pacts_with("stoer", read_pacts(tmp_path))


def test_no_files_and_files_of_another_provider_are_errors(tmp_path):
    """Nothing is verified under a wrong name, whatever was handed over."""
    pact = read_pact(pact_wires.write(tmp_path, pact_wires.interaction()))

    with pytest.raises(PactError, match="no pact to verify"):
        verify("store", [], states=States(), url="http://127.0.0.1:9")
    with pytest.raises(PactError, match="a contract with 'store', not with 'bank'"):
        verify("bank", [pact], states=States(), url="http://127.0.0.1:9")


def test_state_without_a_handler_is_an_error_before_anything_runs(tmp_path):
    """Elsewhere it takes two minutes, and the message does not say why. Here nobody listens, and nobody is asked."""
    path = pact_wires.write(tmp_path, pact_wires.interaction(states=[("there is a thing", {})]))

    with pytest.raises(PactError, match=r"shop-store.json: 'a request' is given 'there is a thing', .*@states.given"):
        verify("store", [read_pact(path)], states=States(), url="http://127.0.0.1:9")


def test_handler_that_does_not_take_the_parameters_is_an_error_before_anything_runs(tmp_path):
    """As above: it would raise later, and cost as much."""
    states = States()

    @states.given("there is a thing")
    def thing(system, sku):
        yield

    with pytest.raises(PactError, match="cannot be called with its parameters: missing a required argument: 'sku'"):
        verified(tmp_path, pact_wires.interaction(states=[("there is a thing", {})]), states=states)


@pytest.mark.parametrize("when", ["set up", "taken back"])
def test_raising_handler_is_an_error_at_once(tmp_path, when):
    """Asked once, not eight times over two minutes; the error names file, interaction, state and reason."""
    states, calls = States(), []

    @states.given("there is a thing")
    def thing(system):
        calls.append("set up")
        if when == "set up":
            raise ValueError("no shelf")
        yield
        raise ValueError("no shelf")

    with pytest.raises(StateError) as raised:
        verified(tmp_path, pact_wires.interaction(states=[("there is a thing", {})]), states=states)

    assert calls == ["set up"]
    assert f"could not be {when}: ValueError: no shelf" in str(raised.value)
    assert "shop-store.json: 'a request'" in str(raised.value)


def test_draft_plays_once(tmp_path):
    """A Pact object freezes when it is served; used again it would leave a bogus interaction in the file."""
    drafts = Drafts(tmp_path / "drafts")
    draft = drafts.new("shop", "store")
    draft.upon_receiving("a request").with_request("GET", "/thing").will_respond_with(200)

    with drafts.played(draft) as url:
        httpx.get(f"{url}/thing", trust_env=False)
    with pytest.raises(PactError, match="a draft plays once"), drafts.played(draft):
        pass
    (file,) = collect(tmp_path / "drafts", tmp_path / "pacts")

    assert [one.description for one in read_pact(file).interactions] == ["a request"]


def test_random_example_is_refused(tmp_path):
    """A matcher without an example makes a file that differs each time."""
    drafts = Drafts(tmp_path)
    draft = drafts.new("shop", "store")
    request = draft.upon_receiving("a request").with_request("GET", "/thing").will_respond_with(200)
    request.with_body({"id": match.uuid()}, "application/json")

    with pytest.raises(PactError, match="has no example where it uses a Uuid"), drafts.played(draft) as url:
        httpx.get(f"{url}/thing", trust_env=False)
    assert list(tmp_path.iterdir()) == []


def test_two_tests_cannot_play_the_same_interaction(tmp_path):
    """Merged by somebody else, one would silently take the other's place."""

    def play():
        drafts = Drafts(tmp_path)
        draft = drafts.new("shop", "store")
        draft.upon_receiving("a request").with_request("GET", "/thing").will_respond_with(200)
        with drafts.played(draft) as url:
            httpx.get(f"{url}/thing", trust_env=False)

    play()
    with pytest.raises(PactError, match="two tests play 'a request'"):
        play()


def test_many_processes_write_one_contract(tmp_path):
    """Elsewhere writing one file from several workers loses interactions. Each has its own, merged at the end."""
    code = (
        "import sys, httpx; from pathlib import Path; from windtunnel.contracts.pact_consumer import Drafts\n"
        "drafts = Drafts(Path(sys.argv[1]))\n"
        "for n in range(5):\n"
        "    draft = drafts.new('shop', 'store')\n"
        "    draft.upon_receiving(f'{sys.argv[2]}/{n}').with_request('GET', '/t').will_respond_with(200)\n"
        "    with drafts.played(draft) as url: httpx.get(f'{url}/t', trust_env=False)\n"
    )
    commands = [[sys.executable, "-c", code, str(tmp_path / "drafts"), str(n)] for n in range(3)]
    processes = [subprocess.Popen(command) for command in commands]
    codes = [process.wait(60) for process in processes]
    (file,) = collect(tmp_path / "drafts", tmp_path / "pacts")

    assert codes == [0, 0, 0]
    assert len(read_pact(file).interactions) == 15


def test_nobody_is_told_about_the_use_of_pact():
    """The native library reports usage unless told not to; ours tells it, whatever the user's environment says."""
    env = {name: value for name, value in os.environ.items() if name != "PACT_DO_NOT_TRACK"}
    code = (
        "import os, windtunnel.contracts.pact_library as ours; ours.load_pact(); print(os.environ[ours.DO_NOT_TRACK])"
    )
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)

    assert run.stdout == "true\n"


def test_pact_s_own_pytest_plugin_is_off(pytestconfig):
    """It would put a step into every test's report."""
    assert not pytestconfig.pluginmanager.hasplugin("pact")


def test_pending_interaction_is_shown_and_breaks_nothing(tmp_path):
    """It is what a consumer needs and the provider has not built yet."""
    report = verified(
        tmp_path, pact_wires.interaction(pending=True), pact_wires.interaction("b", status=404), status=404
    )
    report.check()

    assert [one.interaction.description for one in report.pending] == ["a request"]


def test_broken_interaction_is_named_with_file_and_reason(tmp_path):
    """The native error says only that something failed."""
    with pytest.raises(
        CheckFailedError, match=r"store breaks 1 of 1:\n.*shop-store.json: 'a request': status: expected 200"
    ):
        verified(tmp_path, pact_wires.interaction(), status=500).check()


def test_provider_that_is_not_there_is_broken_not_passed(tmp_path):
    """Nothing listens."""
    path = pact_wires.write(tmp_path, pact_wires.interaction())
    report = verify("store", [read_pact(path)], states=States(), url="http://127.0.0.1:9")

    assert "error sending request" in report.broken[0].reasons[0]


def test_state_holds_while_the_interaction_is_replayed_and_no_longer(tmp_path):
    """Set up before, taken back after, with its parameters and the system under test."""
    states, events = States(), []

    @states.given("there is a thing")
    def thing(system, sku):
        events.append((system, sku))
        yield
        events.append("gone")

    path = pact_wires.write(tmp_path, pact_wires.interaction(states=[("there is a thing", {"sku": "A"})]))

    def answer(*_):
        events.append("asked")
        return 200, {}, b""

    with pact_wires.served(answer) as url:
        verify("store", [read_pact(path)], states=states, system="shop", url=url).check()

    assert events == [("shop", "A"), "asked", "gone"]


def test_message_without_a_producer_and_one_that_raises_are_errors(tmp_path):
    """A message that nobody makes must not pass."""
    pact = read_pact(pact_wires.write(tmp_path, pact_wires.message(id=7)))

    with pytest.raises(PactError, match="the message 'an event' has no producer"):
        verify("store", [pact], states=States())
    with pytest.raises(StateError, match="could not be made: ZeroDivisionError"):
        verify("store", [pact], states=States(), producers={"an event": lambda _: 1 / 0})


def test_message_is_compared_with_what_the_producer_makes(tmp_path):
    """A field that is gone is named."""
    pact = read_pact(pact_wires.write(tmp_path, pact_wires.message(id=7)))
    kept = verify("store", [pact], states=States(), producers={"an event": lambda _: {"id": 7, "more": 1}})
    broken = verify("store", [pact], states=States(), producers={"an event": lambda _: {"number": 7}})

    assert kept.broken == ()
    assert "id" in broken.broken[0].reasons[0]
