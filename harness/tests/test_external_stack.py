"""The external backend: a system that runs already, and of which only what the allow-list names is touched."""

from contextlib import ExitStack
from dataclasses import replace

import pytest
from external_system import Elsewhere, real_toxiproxy
from tiny_system import get

from windtunnel.chaos import Chaos
from windtunnel.errors import CapabilityError, InjectionUnprovenError, NotReadyError, ProxyError, TopologyError
from windtunnel.faults import build
from windtunnel.observer.calls import EdgeCalls
from windtunnel.spec.model import FaultStep
from windtunnel.stack.base import Networks, Processor, Signals
from windtunnel.stack.external import ExternalBackend
from windtunnel.topology import read_topology
from windtunnel.undo import Run

EDGE = "front->back"


@pytest.fixture
def run(tmp_path):
    with Run.begin(parent=tmp_path) as run:
        yield run


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Behind `windtunnel proxy`."""
    with Elsewhere(tmp_path_factory.mktemp("elsewhere")) as system:
        yield system


@pytest.fixture(scope="module")
def metered(tmp_path_factory):
    """Behind Shopify's server with -proxy-metrics."""
    yield from behind_the_real_one(tmp_path_factory, "-proxy-metrics")


@pytest.fixture(scope="module")
def mute(tmp_path_factory):
    """The same without the flag."""
    yield from behind_the_real_one(tmp_path_factory)


def behind_the_real_one(tmp_path_factory, *flags):
    binary = real_toxiproxy()
    if binary is None:
        pytest.skip("no Toxiproxy server: make toxiproxy builds it")
    with Elsewhere(tmp_path_factory.mktemp("elsewhere"), binary=binary, flags=flags) as system:
        yield system


@pytest.fixture
def reach(run):
    """Reaches a system; lets it go at the end."""
    with ExitStack() as made:

        def reach(elsewhere, **more):
            stack = ExternalBackend(patience=5.0).start(read_topology(elsewhere.write_topology(**more)), run=run)
            made.callback(stack.stop)
            return stack

        yield reach


def latency(edge=EDGE):
    return build(FaultStep(name="slow", fault="latency", edges=(edge,), params={"latency": 300}))


def test_a_fault_is_proven_tagged_and_taken_back_and_a_foreign_toxic_stays(elsewhere, run, reach):
    """Its name begins with the run's id; what somebody else set is there during it and after it."""
    elsewhere.client.add_toxic("between", "latency", name="theirs", attributes={"latency": 1})
    stack = reach(elsewhere)
    with Chaos(stack, run.journal).latency(EDGE, latency_ms=300) as disturbance:
        during = elsewhere.toxics()
        get(stack.edge_address("client->front"))
    after = elsewhere.toxics()
    elsewhere.client.remove_toxic("between", "theirs")

    assert during == ["theirs", f"wt-{run.run_id}-latency_downstream"]
    assert after == ["theirs"]
    assert "read back; a canary was answered" in disturbance.proof
    assert disturbance.touched == 1
    assert run.journal.pending() == ()


def test_a_fault_on_requests_works_where_the_proxy_is_ours(elsewhere, run, reach):
    """`windtunnel proxy` reads HTTP wherever it runs; the twin carries our tag too."""
    stack = reach(elsewhere)
    with Chaos(stack, run.journal).http_status(EDGE, status=503) as disturbance:
        status, _ = get(stack.edge_address("client->front"))

    assert status == 503
    assert "its twin for one canary left that answered" in disturbance.proof
    assert elsewhere.toxics() == []


def test_it_is_a_stack_without_any_power_over_services(elsewhere, reach):
    """So every fault that needs some is a missing capability."""
    stack = reach(elsewhere)

    assert not isinstance(stack, Signals | Processor | Networks)
    assert stack.proxy_kind.startswith("windtunnel proxy ")


@pytest.mark.parametrize(
    "fault", ["kill", "pause", "restart", "terminate", "disconnect", "starve", "disk_full", "memory_limit"]
)
def test_what_it_cannot_do_is_a_capability_with_its_reason(elsewhere, reach, fault):
    """The experiment is skipped."""
    params = {"starve": {"cpu": 0.5}, "memory_limit": {"headroom": 0}}.get(fault, {})
    with pytest.raises(CapabilityError, match="which the external backend"):
        build(FaultStep(name=fault, fault=fault, service="back", params=params)).plan(reach(elsewhere))


def test_an_edge_that_the_allow_list_does_not_name_is_left_alone(elsewhere, reach):
    """The reason says what to write."""
    stack = reach(elsewhere)
    with pytest.raises(CapabilityError, match=r"client->front is not to be touched.*write allow: \{toxics: \["):
        latency("client->front").plan(stack)


def test_disabling_needs_a_permit_of_its_own(elsewhere, run, reach):
    """A toxic takes nobody's port away; `down` does."""
    down = FaultStep(name="down", fault="down", edges=(EDGE,))
    with pytest.raises(CapabilityError, match=r"write allow: \{disable: \[front->back\]\}"):
        build(down).plan(reach(elsewhere))
    allowed = reach(elsewhere, allow="{toxics: [front->back], disable: [front->back]}")
    with Chaos(allowed, run.journal).down(EDGE):
        assert not elsewhere.client.proxy("between").enabled

    assert elsewhere.client.proxy("between").enabled


def test_a_foreign_toxic_is_neither_changed_nor_removed(elsewhere, reach):
    """Not even by hand, through the stack."""
    elsewhere.client.add_toxic("between", "latency", name="theirs", attributes={"latency": 1})
    proxy = reach(elsewhere).proxy(EDGE)
    for act in (proxy.remove_toxic, proxy.update_toxic):
        with pytest.raises(CapabilityError, match="'theirs' was made by somebody else; it stays"):
            act("theirs")

    assert elsewhere.toxics() == ["theirs"]
    elsewhere.client.remove_toxic("between", "theirs")


def test_a_bare_client_is_not_handed_out(elsewhere, reach):
    """It could touch what the list does not name."""
    with pytest.raises(CapabilityError, match="no bare Toxiproxy client"):
        _ = reach(elsewhere).proxy_api


def test_a_proxy_that_is_not_there_is_one_clear_line(elsewhere, run):
    """With the nearest name that its server has."""
    path = elsewhere.write_topology()
    path.write_text(path.read_text().replace("proxy: between", "proxy: betwen"))
    with pytest.raises(TopologyError, match=r"edge front->back: unknown proxy 'betwen'; known: between, door"):
        ExternalBackend().start(read_topology(path), run=run)


def test_a_service_that_is_not_there_is_one_clear_line(elsewhere, run):
    """After some patience: it may just be being deployed."""
    path = elsewhere.write_topology()
    path.write_text(path.read_text().replace(f"127.0.0.1:{elsewhere.ports['back']}", "127.0.0.1:1"))
    with pytest.raises(NotReadyError, match=r"back at 127.0.0.1:1 did not answer .* does the system run there\?"):
        ExternalBackend(patience=0.0).start(read_topology(path), run=run)


def test_a_password_is_sent_and_never_shown(elsewhere, run):
    """Neither in an error, nor in what is known of the topology, nor in an undo that is told."""
    path = elsewhere.write_topology(api="http://me:pass-word-99@127.0.0.1:1")
    topology = read_topology(path)
    with pytest.raises(ProxyError) as caught:
        ExternalBackend().start(topology, run=run)

    assert "http://127.0.0.1:1: GET /proxies" in str(caught.value)
    assert "pass-word-99" not in str(caught.value) + repr(topology)


def test_shopifys_server_shows_by_its_metrics_that_the_load_met_a_fault(metered, run, reach):
    """It counts a connection when it has ended."""
    stack = reach(metered)
    get(stack.edge_address("client->front"))
    with Chaos(stack, run.journal).reset(EDGE, require_traffic=True) as disturbance:
        get(stack.edge_address("client->front"))

    assert stack.proxy_kind.startswith("toxiproxy ")
    assert "connections of the load that ended under the fault had sent" in disturbance.load_proof
    assert metered.toxics() == []


def test_shopifys_server_shows_that_nobody_but_canaries_met_it(metered, run, reach):
    """Our own canaries' bytes are not taken for the load's."""
    stack = reach(metered)
    get(stack.edge_address("client->front"))
    with (
        pytest.raises(InjectionUnprovenError, match="no connection but our canaries' ended under the fault"),
        Chaos(stack, run.journal).reset(EDGE, require_traffic=True),
    ):
        pass


def test_requests_are_told_in_our_time(elsewhere, reach):
    """Another machine's monotonic clock began at another moment; the time of day is what both know."""
    stack = reach(elsewhere)
    get(stack.edge_address("client->front"))
    near = stack.proxy(EDGE)
    far = replace(near, clock=lambda: near.clock() + 5000.0)
    (here, there) = (proxy.requests().requests[-1] for proxy in (near, far))

    assert there.start - here.start == pytest.approx(5000.0, abs=1.0)
    assert there.seconds == pytest.approx(here.seconds)


def test_an_edge_without_a_proxy_is_not_observed_and_hinders_nobody(elsewhere, run):
    """It has no record; experiments on other edges go on."""
    path = elsewhere.write_topology(allow="{}")
    path.write_text(
        path.read_text().replace(f'via: {{proxy: between, api: "{elsewhere.api}"}}', "via: {env: BACK_URL}")
    )
    stack = ExternalBackend().start(read_topology(path), run=run)
    try:
        calls = list(EdgeCalls(stack).new())
        with pytest.raises(CapabilityError, match=r"front->back has no proxy here; name it"):
            stack.proxy(EDGE)
    finally:
        stack.stop()

    assert calls == []


def test_without_metrics_a_canary_is_all_there_is(mute, run, reach):
    """Enough by hand; an experiment, which needs to know of its load, is skipped with what to do."""
    stack = reach(mute)
    with Chaos(stack, run.journal).latency(EDGE, latency_ms=300) as disturbance:
        assert mute.toxics() == [f"wt-{run.run_id}-latency_downstream"]

    assert "a canary was answered" in disturbance.proof
    with pytest.raises(CapabilityError, match="tells nothing of what passes; start it with -proxy-metrics"):
        latency().plan(stack)


def test_shopifys_server_reads_no_http(metered, reach):
    """A fault on requests is a missing capability there."""
    step = FaultStep(name="status", fault="http_status", edges=(EDGE,))
    with pytest.raises(CapabilityError, match="needs a proxy that reads HTTP"):
        build(step).plan(reach(metered))
