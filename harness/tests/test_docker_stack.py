"""A system of containers: it stands, its edges go through Toxiproxy, each fault bites, and nothing of it stays."""

import os
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest
from docker_system import left, pair, require_engine, service, topology

from windtunnel.chaos import Chaos
from windtunnel.errors import CapabilityError, ServiceDiedError
from windtunnel.faults import build
from windtunnel.spec.model import FaultStep
from windtunnel.stack import docker
from windtunnel.stack.base import Networks, Signals, Stack
from windtunnel.stack.docker import DockerBackend
from windtunnel.stack.engine import RunEngine
from windtunnel.topology.model import Edge
from windtunnel.undo import Run

pytestmark = pytest.mark.docker
EDGE = "front->back"


@pytest.fixture(scope="module")
def engine():
    return require_engine()


@pytest.fixture(scope="module")
def run(engine, tmp_path_factory):
    with Run.begin(parent=tmp_path_factory.mktemp("run")) as run:
        yield run


@pytest.fixture(scope="module")
def stack(run, tmp_path_factory):
    made = DockerBackend().start(pair(tmp_path_factory.mktemp("system")), run=run, seed=3)
    yield made
    made.stop()


def get(stack, path, edge="client->front"):
    return httpx.get(f"http://{stack.edge_address(edge)}{path}", timeout=10, trust_env=False).text


def test_the_whole_stack_has_every_ability(stack):
    """Signals and networks too."""
    assert isinstance(stack, Stack)
    assert isinstance(stack, Signals)
    assert isinstance(stack, Networks)
    assert stack.proxy_kind.startswith("toxiproxy ")


def test_a_call_goes_through_both_edges_and_is_recorded(stack):
    """The client's edge and the one between the services."""
    before = stack.proxy(EDGE).record()
    answer = get(stack, "/ask/BACK_URL/")
    after = stack.proxy(EDGE).record()

    assert answer == '{"i am": "back"}'
    assert after.connections == before.connections + 1
    assert after.bytes_down > before.bytes_down


def test_everything_of_the_run_carries_its_label(stack, run, engine):
    """Two services, a recorder and a Toxiproxy; one network; a volume for each service."""
    assert len(engine.containers(run.run_id)) == 4
    assert len(engine.networks(run.run_id)) == 1
    assert len(engine.volumes(run.run_id)) == 2


@pytest.mark.parametrize(
    ("fault", "params"),
    [
        ("latency", {"latency": 300}),
        ("timeout", {"timeout": 0}),
        ("reset", {"timeout": 0}),
        ("bandwidth", {"rate": 20}),
        ("limit_data", {"bytes": 50}),
        ("slow_close", {"delay": 400}),
        ("partition", {}),
        ("down", {}),
    ],
)
def test_a_fault_of_the_real_toxiproxy_is_proven_on_the_canary_and_on_the_load(stack, fault, params):
    """Planned, applied, proven, met by somebody else's request, taken back, proven gone."""
    get(stack, "/ask/BACK_URL/")
    step = FaultStep(name=fault, fault=fault, edges=(EDGE,), params=params)
    breaking = build(step)
    breaking.traffic = "ever"
    breaking.plan(stack)
    breaking.apply(stack)
    try:
        proof = breaking.prove(stack)
        get(stack, "/ask/BACK_URL/")
        on_load = breaking.prove_on_load(stack, 2.0)
        touched = breaking.touched()
    finally:
        breaking.undo(stack)

    assert EDGE in proof
    assert EDGE in on_load
    assert touched == (0 if fault == "down" else 2 if fault == "partition" else 1)
    assert "healthy" in breaking.prove_restored(stack) or "clean" in breaking.prove_restored(stack)


@pytest.mark.parametrize("fault", ["kill", "pause", "restart", "terminate", "disconnect"])
def test_a_fault_on_a_container_is_proven_and_taken_back(stack, run, fault):
    """And the caller reaches it again through the same edge."""
    with getattr(Chaos(stack, run.journal), fault)("back") as disturbance:
        proof = disturbance.proof

    assert "service back: pid" in proof
    assert "answered" in disturbance.restored
    assert get(stack, "/ask/BACK_URL/") == '{"i am": "back"}'


def test_a_starved_container_is_held_back_by_the_kernel(stack, run):
    """A fiftieth of a processor, and all of it again afterwards."""
    with Chaos(stack, run.journal).starve("back", cpu_share=0.02) as disturbance:
        limited = stack.throttled("back")

    assert limited == 0.02
    assert "2% of a processor read back; held back" in disturbance.proof
    assert stack.throttled("back") is None


def test_a_full_disk_is_proven_by_a_write_that_is_refused(stack, run):
    """Ours and the service's own; there is room again afterwards."""
    before = get(stack, "/ask/BACK_URL/write/one")
    with Chaos(stack, run.journal).disk_full("back") as disturbance:
        during = get(stack, "/ask/BACK_URL/write/" + "x" * 5000)
    after = get(stack, "/ask/BACK_URL/write/three")

    assert (before, during, after) == ("written", "No space left on device", "written")
    assert "one more byte on its disk was refused: No space left on device" in disturbance.proof
    assert "running, and a canary was answered" in disturbance.restored


def grow_when_limited(stack):
    """What front says of it."""
    while stack.memory_limited("back") is None:
        pass
    return get(stack, "/ask/BACK_URL/grow/50000000")


def test_a_container_that_wants_more_memory_than_its_limit_is_ended_by_the_kernel(stack, run):
    """That is the proof; it is started again, and may have all that there is."""
    with ThreadPoolExecutor(1) as pool:
        wanting = pool.submit(grow_when_limited, stack)
        with Chaos(stack, run.journal).memory_limit("back", headroom_bytes=2_000_000) as disturbance:
            during = wanting.result()
        limited = stack.memory_limited("back")
    again = get(stack, "/ask/BACK_URL/grow/50000000")

    assert "grown" not in during
    assert "bytes of memory read back; " in disturbance.proof
    assert limited is None
    assert again == "grown"


def test_a_disk_in_memory_outlives_a_kill(stack, run):
    """The recorder has it too."""
    get(stack, "/ask/BACK_URL/write/kept")
    with Chaos(stack, run.journal).kill("back"):
        pass

    assert get(stack, "/ask/BACK_URL/read") == "kept"


def test_a_disk_without_bounds_is_not_filled(stack):
    """It is the machine's own."""
    with pytest.raises(CapabilityError, match=r"the disk of front has no bounds; write docker: \{disk: 64MB\}"):
        build(FaultStep(name="full", fault="disk_full", service="front")).plan(stack)


def test_a_replaced_service_has_the_new_variable_and_the_old_data(stack):
    """Its volume outlives its container."""
    get(stack, "/write/kept")
    stack.replace("front", {"COLOUR": "blue"})
    told = get(stack, "/env/COLOUR"), get(stack, "/read")
    stack.replace("front", {})

    assert told == ("blue", "kept")
    assert get(stack, "/env/COLOUR") == ""


def test_what_a_container_writes_can_be_read_over_its_restarts(stack, run):
    """Every start said hello, and none of it twice."""
    before = stack.log_lines("back").count("hello")
    with Chaos(stack, run.journal).restart("back"):
        pass

    assert stack.log_lines("back").count("hello") == before + 1


def test_a_service_that_dies_is_told_with_its_last_lines_and_leaves_nothing(tmp_path, engine):
    """As on the process backend."""
    system = topology(tmp_path, [service("front", env={"EXIT": "3", "SAY": "no licence"})], [])
    with Run.begin(parent=tmp_path) as run:
        with pytest.raises(ServiceDiedError, match=r"(?s)front ended with exit code 3.*no licence"):
            DockerBackend().start(system, run=run)

        assert left(engine, run.run_id) == []


@pytest.fixture
def ctrl_c():
    """What it does at a terminal; a runner in the background ignores it, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Forgetful(ThreadPoolExecutor):
    """As one that was interrupted while it started its threads: it does not wait for them."""

    def submit(self, *what, **more):
        future = super().submit(*what, **more)
        self._threads.clear()
        return future


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, Forgetful])
@pytest.mark.usefixtures("ctrl_c")
def test_what_the_engine_is_making_when_ctrl_c_comes_goes_too(tmp_path, engine, monkeypatch, pool):
    """A network that is asked for before the interrupt, and there only after it."""
    create, remove, removed, made = RunEngine.create_network, docker.remove_all, threading.Event(), Future()

    def late(self, *what):
        os.kill(os.getpid(), signal.SIGINT)
        removed.wait(1)  # for as long, a take-down that waits for nothing may come first
        made.set_result(create(self, *what))

    def create_slowly(self, *what):
        threading.Thread(target=late, args=(self, *what)).start()
        return made.result()

    monkeypatch.setattr(RunEngine, "create_network", create_slowly)
    monkeypatch.setattr(docker, "ThreadPoolExecutor", pool)
    monkeypatch.setattr(docker, "remove_all", lambda *a, **k: (remove(*a, looks=1), removed.set()))
    with Run.begin(parent=tmp_path) as run:
        with pytest.raises(KeyboardInterrupt):
            DockerBackend().start(pair(tmp_path), run=run)
        made.result(timeout=10)

        assert left(engine, run.run_id) == []


def test_two_systems_stand_side_by_side(stack, tmp_path, engine):
    """Own networks, own proxies, own names; the second takes nothing of the first with it."""
    before = left(engine, stack.run_id)
    with Run.begin(parent=tmp_path) as run:
        other = DockerBackend(proxy="embedded").start(pair(tmp_path), run=run)
        answer, kind = get(other, "/ask/BACK_URL/"), other.proxy_kind
        other.stop()

        assert answer == '{"i am": "back"}'
        assert kind.startswith("embedded ")
        assert left(engine, run.run_id) == []
    assert sorted(left(engine, stack.run_id)) == sorted(before)
    assert get(stack, "/ask/BACK_URL/") == '{"i am": "back"}'


def test_peers_that_are_written_into_an_image_are_reached_through_the_proxy_only(tmp_path, engine):
    """`users:5001` and `stock:5001` are names on the caller's network: two addresses, each an edge of its own."""
    alias = {"backends": frozenset({"docker"})}
    system = topology(
        tmp_path,
        [service("shop"), service("people", port=5001), service("goods", port=5001)],
        [
            Edge(source="client", target="shop"),
            Edge(source="shop", target="people", via_alias="users", **alias),
            Edge(source="shop", target="goods", via_alias="stock", **alias),
        ],
    )
    with Run.begin(parent=tmp_path) as run:
        shop = DockerBackend().start(system, run=run)
        try:
            call = {name: get(shop, f"/ask/{name}:5001/", "client->shop") for name in ("users", "stock")}
            past = {name: get(shop, f"/ask/{name}:5001/", "client->shop") for name in ("people", "goods")}
            with Chaos(shop, run.journal).partition("shop->people", require_traffic=True) as disturbance:
                lost = get(shop, "/ask/users:5001/", "client->shop")
                other = get(shop, "/ask/stock:5001/", "client->shop")
            addresses = shop.edge_address("shop->people"), shop.edge_address("shop->goods")
        finally:
            shop.stop()

        assert call == {"users": '{"i am": "people"}', "stock": '{"i am": "goods"}'}
        assert all("gaierror" in answer for answer in past.values())
        assert "TimeoutError" in lost
        assert other == '{"i am": "goods"}'
        assert disturbance.touched
        assert addresses[0].host != addresses[1].host
        assert addresses[0].port == addresses[1].port == 5001
