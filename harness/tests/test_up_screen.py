"""What the first terminal shows: figures of each edge from its record, the faults, the load."""

import io
import re
import time
from types import SimpleNamespace

import pytest
from fault_stack import WEB, FaultStack
from rich.console import Console

from windtunnel.errors import BadInputError, LoadError
from windtunnel.history import Sample
from windtunnel.load.run import Progress
from windtunnel.spec.model import FaultStep, MixEntry
from windtunnel.standby.in_place import InPlace
from windtunnel.standby.load import RunningLoad, read_load
from windtunnel.standby.rates import EdgeRate, EdgeRates
from windtunnel.standby.screen import LineScreen, TableScreen, View, fault_line, one_line
from windtunnel.standby.words import Asked
from windtunnel.topology.model import Edge, Service, Topology
from windtunnel.toxiproxy import EdgeProxy

CLIENT = "client->web"
MAIL = "caller->mail"


@pytest.fixture
def stack():
    """The client's edge and one between services, which speak HTTP; one that speaks TCP; one without a proxy."""
    made = FaultStack()
    made.client.create(CLIENT, "127.0.0.1:0", str(made.address("web")), http=True)
    links = {
        CLIENT: Edge(source="client", target="web"),
        WEB: Edge(source="caller", target="web"),
        MAIL: Edge(source="caller", target="mail", protocol="tcp"),
        "web->gone": Edge(source="web", target="gone"),
    }
    made.topology = SimpleNamespace(links=links, has_edge=lambda edge, backend: True)
    yield made
    made.close()


class Time:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


def look(rates):
    return {rate.edge: rate for rate in rates.look()}


def entry(number=1, words=f"{WEB} down", edges=(WEB,), until=None):
    """A fault that is in place."""
    step = FaultStep(name="x", fault="down", edges=edges)
    asked = Asked(step=step, words=words)
    return InPlace(number=number, asked=asked, fault=None, records=(), until=until, state="proven")


def sample(end, latency=0.1, outcome="ok"):
    return Sample(
        scenario="s", route="GET /", due=end - latency, start=end - latency, end=end, status=200, outcome=outcome
    )


def test_the_client_s_edge_is_counted_too(stack):
    """Its calls are the load's, but here nobody else counts them."""
    rates = EdgeRates(stack)
    stack.call(CLIENT, count=3)
    stack.call(WEB, count=2)
    seen = look(rates)

    assert (seen[CLIENT].failed, seen[WEB].failed) == (0.0, 0.0)
    assert seen[CLIENT].rate == pytest.approx(1.5 * seen[WEB].rate, rel=0.1)
    assert 0 < seen[CLIENT].p95 < 5


def test_calls_without_a_whole_answer_have_failed(stack):
    """Cut by a toxic: no answer comes."""
    rates = EdgeRates(stack)
    stack.call(WEB)
    stack.client.add_toxic(WEB, "reset_peer", attributes={"timeout": 0})
    stack.call(WEB)
    stack.client.remove_toxic(WEB, "reset_peer_downstream")

    assert look(rates)[WEB].failed == 0.5


def test_figures_look_back_a_few_seconds(stack):
    """What is older is forgotten; a quiet edge has a rate of 0 and no figures."""
    clock = Time(time.monotonic())
    rates = EdgeRates(stack, window=5.0, clock=clock)
    stack.call(WEB, count=10)
    clock.now += 5.0
    first = look(rates)[WEB]
    clock.now += 60.0
    later = look(rates)[WEB]

    assert first.rate == 2.0
    assert later == EdgeRate(edge=WEB, rate=0.0)


def test_an_edge_that_does_not_speak_http_has_connections_and_bytes(stack):
    """Per second, from the first look on."""
    clock = Time(100.0)
    rates = EdgeRates(stack, clock=clock)
    first = look(rates)[MAIL]
    for _ in range(4):
        stack.speak(MAIL)
    clock.now += 2.0
    seen = look(rates)[MAIL]

    assert (first.rate, first.bytes_per_second) == (0.0, 0.0)
    assert seen.rate == 2.0
    assert seen.bytes_per_second > 18
    assert seen.failed is None


def test_a_server_that_tells_nothing_of_connections_gives_no_figures(stack, monkeypatch):
    """Zeros would be a claim."""
    monkeypatch.setattr(EdgeProxy, "evidence", "bytes")

    assert look(EdgeRates(stack))[MAIL] == EdgeRate(edge=MAIL)


def test_an_edge_without_a_proxy_has_no_figures(stack):
    """Nobody tells what passes there; it is shown all the same."""
    assert look(EdgeRates(stack))["web->gone"] == EdgeRate(edge="web->gone")


VIEW = View(
    now=1000.0,
    rates=(
        EdgeRate(edge=CLIENT, rate=20.04, failed=0.015, p95=0.0342),
        EdgeRate(edge=WEB, rate=0.0),
        EdgeRate(edge=MAIL, rate=1.0, bytes_per_second=2500.0),
        EdgeRate(edge="web->gone"),
    ),
    faults=(entry(until=1012.4),),
    load="load: 20/s, no errors",
)


def test_a_line_holds_the_edges_that_carry_something_the_faults_and_the_load():
    """Idle edges would only hide them."""
    assert one_line(VIEW) == (
        "load: 20/s, no errors | client->web 20.0/s, 1.5% failed, p95 34ms | caller->mail 1.0 conn, 2.5 KB/s | "
        "in place: 1 caller->web down: proven, 12s left"
    )


def test_a_line_says_when_nothing_passes():
    """An empty line would look like a defect."""
    assert one_line(View(now=0.0, rates=(EdgeRate(edge=WEB, rate=0.0),), faults=())) == "no traffic on any edge"


def test_what_is_overdue_has_no_time_left():
    """It waits for its turn; the time is never negative."""
    assert fault_line(entry(until=990.0), 1000.0).endswith("proven, 0s left")


def test_the_table_shows_every_edge_with_its_faults():
    """By their numbers, and in full below; a fault on an edge marks all its instances."""
    topology = Topology(
        name="t",
        path=None,
        services={"web": Service(name="web", replicas=2), "caller": Service(name="caller")},
        edges=(Edge(source="client", target="caller"), Edge(source="caller", target="web")),
        scenarios=None,
    )
    rates = (
        EdgeRate(edge="client->caller", rate=1.0, failed=0.0, p95=0.001),
        EdgeRate(edge="caller->web#1", rate=0.0),
        EdgeRate(edge="caller->web#2", rate=0.0),
    )
    view = View(now=0.0, rates=rates, faults=(entry(), entry(2, "web kill", ())), load="load: 1/s")
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(TableScreen(topology).picture(view))
    lines = [re.sub(" +", " ", line.strip()) for line in console.export_text().splitlines()]

    assert lines == [
        "",
        "edge per second failed p95 faults",
        "client->caller 1.0 0% 1.0ms",
        "caller->web#1 0.0 - - 1",
        "caller->web#2 0.0 - - 1",
        "",
        "1 caller->web down: proven",
        "2 web kill: proven",
        "load: 1/s",
    ]


def test_without_a_terminal_there_is_a_line_every_ten_seconds(capsys):
    """And one for each thing that happens, with the time of day."""
    screen = LineScreen()
    with screen:
        for second in range(21):
            screen.draw(View(now=100.0 + second, rates=(), faults=()))
        screen.tell("1 caller->web down: lifted")
    lines = capsys.readouterr().out.splitlines()

    assert [line[9:] for line in lines] == ["no traffic on any edge"] * 2 + ["1 caller->web down: lifted"]
    assert re.match(r"\d\d:\d\d:\d\d ", lines[0])


def test_a_load_is_read_with_its_weights():
    """A scenario without one has 1."""
    load = read_load("place_order=3, read_order", "120/min", ("place_order", "read_order"))

    assert load.mix == (
        MixEntry(scenario="place_order", weight=3.0),
        MixEntry(scenario="read_order", weight=1.0),
    )
    assert load.rate == 2.0


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "x"])
def test_a_weight_is_a_number_above_0(weight):
    """Anything else is refused by name."""
    with pytest.raises(BadInputError, match=r"the weight of read_order is a number above 0"):
        read_load(f"read_order={weight}", "1/s", ("read_order",))


class Driver:
    """A generator whose progress a test decides."""

    def start(self, plan, on_samples):
        self.on_samples = on_samples
        return self

    @property
    def progress(self):
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def test_the_load_has_a_line_of_its_own():
    """Its rate and errors over the last second, its p95 over a few."""
    driver = Driver()
    load = RunningLoad(driver, None, clock=lambda: 100.0)
    driver.says = Progress(rate=20.4, errors=2.0)
    driver.on_samples([sample(80.0, 9.0), *(sample(99.0, 0.038) for _ in range(40))])

    assert load.line() == "load: 20/s, 2 errors/s, p95 38ms"
    driver.says = Progress(rate=20.4)
    assert load.line() == "load: 20/s, no errors, p95 38ms"


def test_a_load_that_died_is_told_and_ends_nothing():
    """The system goes on standing; the first line says why."""
    driver = Driver()
    load = RunningLoad(driver, None)
    driver.says = LoadError("the load generator died (exit status 1); its last lines:\nMemoryError")

    assert load.line() == "load: ended: the load generator died (exit status 1); its last lines:"
