"""Every fault on an edge, over the real embedded proxy: what it does, its proof, that it leaves nothing behind."""

import socket

import pytest
from fault_stack import IDLE, MAIL, WEB, FaultStack, Impatience, injected, planned, step

from windtunnel.errors import CapabilityError, InjectionUnprovenError, RestorationUnprovenError
from windtunnel.faults import Bites, Fault, build
from windtunnel.faults.canary import Song, sing
from windtunnel.faults.dialect import Greeting, Http, Postgresql
from windtunnel.toxiproxy import EdgeProxy

EVERY = {
    "latency": {"latency": 400, "jitter": 100},
    "timeout": {},
    "reset": {},
    "bandwidth": {"rate": 20},
    "limit_data": {"bytes": 300},
    "slow_close": {"delay": 300},
    "slicer": {"average_size": 8, "size_variation": 2, "delay": 20_000},
    "packet_loss": {"loss_rate": 1.0},
    "down": {},
    "partition": {},
}
TOXICS = sorted(EVERY.keys() - {"down"})


@pytest.fixture
def stack():
    made = FaultStack()
    yield made
    made.close()


@pytest.mark.parametrize("name", EVERY)
def test_a_fault_is_proven_and_leaves_nothing_behind(stack, name):
    """The whole life of each fault, with load on the edge."""
    fault = injected(stack, name, **EVERY[name])
    proof = fault.prove(stack)
    stack.call(path="/metrics" if name == "limit_data" else "/", count=3, patience=0.2)
    on_load = fault.prove_on_load(stack, 5)
    fault.undo(stack)
    restored = fault.prove_restored(stack)

    assert WEB in proof
    assert "read back" in proof
    assert WEB in on_load
    assert "answered" in restored
    assert stack.proxy(WEB).state().toxics == ()
    assert stack.proxy(WEB).state().enabled
    assert stack.call() == [200]


@pytest.mark.parametrize(
    "name", ["latency", "timeout", "reset", "limit_data", "partition", "down", "slow_close", "packet_loss"]
)
def test_a_mail_edge_can_be_broken_too(stack, name):
    """A server that greets with 220 is all that a canary needs on a tcp edge."""
    fault = injected(stack, name, MAIL, **{**EVERY[name], **({"bytes": 40} if name == "limit_data" else {})})
    proof = fault.prove(stack)
    fault.undo(stack)

    assert MAIL in proof
    assert "answered" in fault.prove_restored(stack)


@pytest.mark.parametrize(
    "name", ["latency", "timeout", "reset", "bandwidth", "limit_data", "slow_close", "slicer", "packet_loss"]
)
@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_either_stream_can_be_broken(stack, name, stream):
    """The stream that was asked for is the one that has the toxic."""
    fault = injected(stack, name, stream=stream, **{**EVERY[name], **({"rate": 2} if name == "bandwidth" else {})})
    proof = fault.prove(stack)

    assert stream in proof
    assert [toxic.stream for toxic in stack.proxy(WEB).state().toxics] == [stream]


@pytest.mark.parametrize("name", EVERY)
def test_an_edge_without_traffic_proves_nothing(stack, name):
    """Canaries of our own are no traffic, not even those of another fault on the same edge."""
    fault, other = build(step(name, **EVERY[name])), build(step(name, **EVERY[name]))
    fault.plan(stack)
    other.plan(stack)
    fault.apply(stack)

    with pytest.raises(InjectionUnprovenError, match="caller->web carried no traffic before the fault"):
        fault.prove(stack)


@pytest.mark.parametrize("name", EVERY)
def test_traffic_elsewhere_proves_nothing(stack, name):
    """It must have been on this edge; another edge to the same service does not count."""
    fault = build(step(name, IDLE, **EVERY[name]))
    fault.plan(stack)
    stack.call(WEB, count=5)
    fault.apply(stack)

    with pytest.raises(InjectionUnprovenError, match="other->web carried no traffic"):
        fault.prove(stack)


@pytest.mark.parametrize("name", TOXICS)
def test_a_toxic_that_is_gone_proves_nothing(stack, name):
    """The state is read back, whatever the answer to the injection was."""
    fault = injected(stack, name, **EVERY[name])
    stack.client.reset()

    with pytest.raises(InjectionUnprovenError, match="no such toxic"):
        fault.prove(stack)


@pytest.mark.parametrize("name", TOXICS)
def test_a_toxic_that_was_changed_proves_nothing(stack, name):
    """Another toxicity or other attributes are another fault."""
    fault = injected(stack, name, **EVERY[name])
    for toxic in stack.proxy(WEB).state().toxics:
        stack.proxy(WEB).update_toxic(toxic.name, toxicity=0.5)

    with pytest.raises(InjectionUnprovenError, match=r"asked for .* toxicity=1 .*has .* toxicity=0.5"):
        fault.prove(stack)


class Boaster(EdgeProxy):
    """States every toxic it is given, and does nothing; always says that it touched something."""

    toxics = ()

    def add_toxic(self, kind, *, name, **rest):
        from windtunnel.toxiproxy import Toxic

        Boaster.toxics += (Toxic(name=name, type=kind, **rest),)
        return Boaster.toxics[-1]

    def state(self):
        from dataclasses import replace

        return replace(super().state(), toxics=Boaster.toxics)

    def record(self):
        from dataclasses import replace

        return replace(super().record(), touched={toxic.name: 99 for toxic in Boaster.toxics})


@pytest.mark.parametrize("name", TOXICS)
def test_a_toxic_without_effect_proves_nothing(stack, name, monkeypatch):
    """A server that says the toxic is there, and lets everything pass, is found out by the canary."""
    monkeypatch.setattr(Boaster, "toxics", ())
    monkeypatch.setattr(stack, "proxy", lambda edge: Boaster(stack.client, edge))
    fault = injected(stack, name, **EVERY[name])

    with pytest.raises(InjectionUnprovenError, match="a canary was answered"):
        fault.prove(stack)


def test_a_proxy_that_was_enabled_again_is_not_down(stack):
    """`enabled: false` must be read back."""
    fault = injected(stack, "down")
    stack.proxy(WEB).enable()

    with pytest.raises(InjectionUnprovenError, match="says that it is enabled"):
        fault.prove(stack)


def test_a_down_edge_that_forwards_is_not_down(stack):
    """What passed during the fault is found at its end."""
    fault = injected(stack, "down")
    fault.prove(stack)
    stack.proxy(WEB).enable()
    stack.call()
    stack.proxy(WEB).disable()

    with pytest.raises(InjectionUnprovenError, match="forwarded something"):
        fault.prove_on_load(stack, 1)


@pytest.mark.parametrize("name", TOXICS)
def test_a_fault_that_only_canaries_met_did_not_bite(stack, name):
    """Canaries are discounted from what was touched."""
    fault = injected(stack, name, **EVERY[name])
    fault.patience = Impatience().patience
    fault.prove(stack)

    with pytest.raises(InjectionUnprovenError, match="no request of the load"):
        fault.prove_on_load(stack, 2)


def test_no_toxicity_is_no_fault(stack):
    """Found out before anything is done."""
    with pytest.raises(InjectionUnprovenError, match="toxicity of 0 acts on no connection"):
        build(step("latency", latency=300, toxicity=0.0)).plan(stack)


@pytest.mark.parametrize("name", ["latency", "reset", "limit_data", "bandwidth", "slicer", "packet_loss"])
def test_a_share_of_the_connections_is_found_by_trying(stack, name):
    """Fresh connections, until one is hit."""
    fault = injected(stack, name, toxicity=0.3, **EVERY[name])

    assert "toxicity=0.3" in fault.prove(stack)


def test_one_canary_may_be_spared_but_not_all(stack):
    """After as many as chance allows, a toxic that spares everybody is unproven."""
    fault = injected(stack, "reset", toxicity=0.5)
    fault._search = lambda watch, most: pytest.fail(str(most))

    with pytest.raises(pytest.fail.Exception, match=r"^20$"):
        fault.prove(stack)


def test_a_latency_below_what_a_healthy_answer_takes_cannot_be_shown(stack):
    """0 ms is slower than nothing."""
    with pytest.raises(InjectionUnprovenError, match="cannot be told from a healthy answer"):
        build(step("latency", latency=0)).plan(stack)


def test_jitter_as_large_as_the_latency_is_shown_by_the_slower_ones(stack):
    """No least delay is left, so canaries are tried until one is slow."""
    fault = injected(stack, "latency", latency=150, jitter=150)

    assert "jitter=150" in fault.prove(stack)


def test_a_limit_beyond_all_answers_cannot_be_shown(stack):
    """Found out in the baseline, not after the run."""
    with pytest.raises(InjectionUnprovenError, match="1000000000 bytes is never reached"):
        build(step("limit_data", bytes=1_000_000_000)).plan(stack)


def test_a_rate_beyond_all_answers_cannot_be_shown(stack):
    """A gigabyte a second slows nobody down here."""
    with pytest.raises(InjectionUnprovenError, match="1000000 KB/s cannot be told from a healthy edge"):
        build(step("bandwidth", rate=1_000_000)).plan(stack)


def test_a_rate_that_short_answers_do_not_feel_is_shown_by_long_ones(stack):
    """The canary asks for what takes long enough."""
    fault = injected(stack, "bandwidth", rate=100)

    assert "rate=100" in fault.prove(stack)
    assert ("/metrics", "windtunnel-canary") in stack.servers["web"].seen


def test_pieces_that_short_answers_do_not_fill_are_shown_by_long_ones(stack):
    """The canary asks for what is cut often enough."""
    fault = injected(stack, "slicer", average_size=1000, delay=30_000)

    assert "average_size=1000" in fault.prove(stack)
    assert ("/metrics", "windtunnel-canary") in stack.servers["web"].seen


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"average_size": 0, "delay": 1}, "an average_size of 0 cuts nothing"),
        ({"average_size": 1_000_000, "delay": 1}, "slicer of 0 ms cannot be told from a healthy answer"),
    ],
)
def test_slices_that_nobody_could_notice_cannot_be_shown(stack, attributes, said):
    """Found out in the baseline, not after the run."""
    with pytest.raises(InjectionUnprovenError, match=said):
        build(step("slicer", **attributes)).plan(stack)


def test_a_loss_of_half_of_the_chunks_is_found_by_trying(stack):
    """Canary after canary, until one is left without an answer."""
    fault = injected(stack, "packet_loss", loss_rate=0.5, correlation=0.2)

    assert "loss_rate=0.5 correlation=0.2" in fault.prove(stack)


def test_a_loss_of_nothing_is_not_proven(stack):
    """No canary can meet it."""
    with pytest.raises(InjectionUnprovenError, match="a loss_rate of 0 loses nothing"):
        build(step("packet_loss", loss_rate=0.0)).plan(stack)


def test_a_partition_holds_on_all_of_its_edges(stack):
    """Existing connections hang, new ones get no answer, one edge like the other."""
    fault = planned(stack, "partition", WEB, IDLE)
    address = stack.edge_address(WEB)
    with socket.create_connection((address.host, address.port), timeout=0.3) as old:
        old.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        assert old.recv(9) == b"HTTP/1.1 "
        fault.apply(stack)
        old.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        proof = fault.prove(stack)

        assert WEB in proof
        assert IDLE in proof
        assert stack.call(WEB, patience=0.2) == stack.call(IDLE, patience=0.2) == ["TimeoutError"]
        old.settimeout(2)
        fault.undo(stack)
        assert len(old.recv(1000)) < 250  # the rest of the first answer, and no second one
    assert stack.call(WEB) == stack.call(IDLE) == [200]


def test_a_reset_loses_the_answer_after_the_request_was_taken(stack):
    """That is what makes it different from a refusal."""
    fault = injected(stack, "reset")
    fault.prove(stack)

    assert stack.call(path="/charge") == ["ConnectionResetError"]
    assert ("/charge", None) in stack.servers["web"].seen


def test_a_black_hole_is_never_seen_by_the_server(stack):
    """Upstream by default: the request does not arrive, so nobody closes the connection."""
    injected(stack, "timeout")

    assert stack.call(path="/charge", patience=0.2) == ["TimeoutError"]
    assert ("/charge", None) not in stack.servers["web"].seen


def test_a_timeout_closes_in_its_time(stack):
    """With a time the caller is cut off after it."""
    fault = injected(stack, "timeout", timeout=100)

    assert "ended" in fault.prove(stack)


def test_undoing_twice_and_undoing_nothing_are_harmless(stack):
    """`undo` may run after a fault that never began, and after another undo."""
    fault = planned(stack, "latency", latency=300)
    fault.undo(stack)
    fault.apply(stack)
    fault.undo(stack)
    fault.undo(stack)

    assert "the proxy is clean" in fault.prove_restored(stack)


def test_a_toxic_that_stays_is_not_restored(stack):
    """The state is read back after the undo."""
    fault = injected(stack, "latency", latency=300)

    with pytest.raises(RestorationUnprovenError, match="latency_downstream_7 is still there"):
        fault.prove_restored(stack)


def test_a_disabled_proxy_is_not_restored(stack):
    """The same for `down`."""
    fault = injected(stack, "down")

    with pytest.raises(RestorationUnprovenError, match="still disabled"):
        fault.prove_restored(stack)


def test_an_edge_that_does_not_answer_again_is_not_restored(stack):
    """A clean proxy is not enough: a canary must be healthy."""
    fault = injected(stack, "latency", latency=300)
    fault.undo(stack)
    stack.proxy(WEB).add_toxic("timeout", stream="upstream")
    fault.patience = Impatience().patience

    with pytest.raises(RestorationUnprovenError, match="a canary was still silent"):
        fault.prove_restored(stack)


def test_a_callee_that_does_not_come_back_is_not_the_fault_that_stayed(stack):
    """A clean proxy, and no answer past it either: the promises judge that, and the evidence is good."""
    fault = injected(stack, "latency", latency=300)
    fault.undo(stack)
    stack.servers["web"].shutdown()
    stack.servers["web"].server_close()
    fault.patience = Impatience().patience

    assert "past the proxy (refused" in (proof := fault.prove_restored(stack))
    assert "web itself is not well" in proof


def test_a_mail_server_that_does_not_come_back_cannot_be_told_from_a_fault_that_stayed(stack):
    """On a tcp edge there is no other way to the callee that we know of."""
    fault = injected(stack, "latency", MAIL, latency=300)
    fault.undo(stack)
    stack.servers["mail"].shutdown()
    stack.servers["mail"].server_close()
    fault.patience = Impatience().patience

    with pytest.raises(RestorationUnprovenError, match="a canary was still ended"):
        fault.prove_restored(stack)


def test_two_faults_of_one_kind_share_an_edge(stack):
    """Each has a toxic of its own, and takes back its own."""
    first, second = injected(stack, "latency", latency=100), injected(stack, "latency", latency=200)
    names = [toxic.name for toxic in stack.proxy(WEB).state().toxics]
    first.undo(stack)

    assert names == ["latency_downstream_7", "latency_downstream_7.2"]
    assert [toxic.name for toxic in stack.proxy(WEB).state().toxics] == names[1:]
    second.undo(stack)


def test_the_records_are_enough_for_another_process(stack):
    """What the journal holds takes the fault back without the fault."""
    from windtunnel.undo import OPERATIONS

    for name in ("partition", "down"):
        fault = build(step(name))
        records = fault.plan(stack)
        fault.apply(stack)
        for record in records:
            OPERATIONS[record.op](record.data, None)
        assert stack.call() == [200], name


def test_an_edge_that_is_not_well_is_not_broken(stack):
    """Before the fault a canary must be answered, or its later silence would show nothing."""
    stack.proxy(WEB).disable()

    with pytest.raises(InjectionUnprovenError, match=r"a canary was refused .* before the fault"):
        build(step("timeout")).plan(stack)


def test_a_server_that_says_nothing_first_is_named(stack):
    """On a tcp edge a canary has nothing to ask."""
    fault = build(step("down", "caller->mute"))
    fault.patience = Impatience().patience
    fault.song = lambda watch: Song(exchanges=2, patience=0.1)

    with pytest.raises(InjectionUnprovenError, match="must greet with 220"):
        fault.plan(stack)


def test_an_edge_of_another_backend_is_a_missing_capability(stack):
    """Skipped with the reason, not failed."""
    with pytest.raises(CapabilityError, match="the process backend has no edge web->db"):
        build(step("down", "web->db")).plan(stack)


def test_edge_faults_keep_their_protocols(stack):
    """The runner asks for these."""
    fault = build(step("down"))

    assert isinstance(fault, Bites)
    assert all(hasattr(fault, name) for name in ("step", *(n for n in vars(Fault) if n[0] != "_")))


@pytest.mark.parametrize(
    ("dialect", "text", "length"),
    [
        (Http("/", "h"), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP", 40),
        (Http("/", "h"), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", 0),
        (Http("/", "h"), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP", 59),
        (Http("/", "h"), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 52),
        (Http("/", "h"), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", 0),
        (Http("/", "h"), b"HTTP/1.1 204 No Content\r\n\r\nHTTP", 27),
        (Http("/", "h"), b"HTTP/1.1 200 OK\r\n", 0),
        (Greeting(), b"220-hello\r\n220 ready\r\n250", 22),
        (Greeting(), b"220-hello\r\n", 0),
        (Postgresql(), b"N", 1),
        (Postgresql(), b"S", 1),
        (Postgresql(), b"", 0),
        (Postgresql(), b"E", 0),
    ],
)
def test_an_answer_is_complete_when_it_is(dialect, text, length):
    """Half an answer is none."""
    assert dialect.complete(text, ended=False) == length


def test_an_answer_without_a_length_ends_with_its_connection():
    """As HTTP/1.0 has it."""
    text = b"HTTP/1.0 200 OK\r\n\r\nhello"

    assert Http("/", "h").complete(text, ended=False) == 0
    assert Http("/", "h").complete(text, ended=True) == len(text)


def test_canaries_ask_only_for_what_changes_nothing(stack):
    """GET of the readiness path, and NOOP."""
    injected(stack, "down").undo(stack)
    injected(stack, "down", MAIL).undo(stack)
    canaries = {path for path, agent in stack.servers["web"].seen if agent == "windtunnel-canary"}

    assert canaries == {"/ready"}
    assert set(stack.servers["mail"].seen) == {b"NOOP\r\n", b"HELO me\r\n"}


def test_a_refused_canary_says_so():
    """Nothing listens on a port that was just given back."""
    from windtunnel.stack.base import Address

    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = Address(*closed.getsockname())
    seen = sing(address, Http("/", "h"), Song())

    assert (seen.outcome, seen.answers, seen.received) == ("refused", 0, 0)
