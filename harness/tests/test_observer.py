"""What is seen of a system while an experiment runs on it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from fault_stack import FaultStack
from hand_written import header

from windtunnel.errors import ProxyError
from windtunnel.history import BreakerEvent, HistoryWriter, NoteEvent, read_history
from windtunnel.observer import Observer
from windtunnel.observer.breakers import Breakers
from windtunnel.observer.calls import EdgeCalls
from windtunnel.stack.base import Address

EDGE = "front->web"


@pytest.fixture
def stack():
    """One edge between two services that speak HTTP, through a real proxy."""
    made = FaultStack()
    edge = SimpleNamespace(name=EDGE, source="front", target="web", protocol="http")
    plain = SimpleNamespace(name="front->mail", source="front", target="mail", protocol="tcp")
    client = SimpleNamespace(name="client->front", source="client", target="front", protocol="http")
    made.client.create(EDGE, "127.0.0.1:0", str(made.address("web")), http=True)
    made.topology = SimpleNamespace(
        links={each.name: each for each in (client, edge, plain)}, instances={}, has_edge=lambda edge, backend: True
    )
    yield made
    made.close()


class Metrics(BaseHTTPRequestHandler):
    """A service that tells its breakers' states; `text` is what it says next."""

    def do_GET(self):
        status = 200 if self.server.text else 503
        self.send_response(status)
        self.end_headers()
        self.wfile.write(self.server.text.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def service():
    with ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        server.text = ""
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def asks(server):
    """Breakers of one service behind that server."""
    metrics = {"path": "/metrics", "breaker_state": "breaker_state"}
    told = SimpleNamespace(metrics=metrics, runs_on=lambda backend: True)
    silent = SimpleNamespace(metrics={}, runs_on=lambda backend: True)
    topology = SimpleNamespace(instances={"orders": told, "users": silent})
    stack = SimpleNamespace(topology=topology, backend="process", address=lambda name: Address(*server.server_address))
    return Breakers(stack, clock=lambda: 5.0)


def says(server, **states):
    server.text = "".join(f'breaker_state{{name="{name}"}} {value}\n' for name, value in states.items())


def changes(breakers):
    return {event.breaker: event.state for event in breakers.changes()}


def test_calls_from_now_on_are_told_once(stack):
    """What was called before the observer came is another experiment's."""
    stack.call(EDGE, "/earlier")
    calls = EdgeCalls(stack)
    stack.call(EDGE, "/orders/7")
    first = list(calls.new())

    assert [(call.edge, call.method, call.path, call.status, call.ended) for call in first] == [
        (EDGE, "GET", "/orders/7", 200, "complete")
    ]
    assert first[0].end >= first[0].start
    assert list(calls.new()) == []


def test_an_edge_without_a_record_has_no_calls(stack):
    """Another Toxiproxy tells nothing of requests; that is no error."""

    def proxy(edge):
        raise ProxyError("no such route", status=404)

    stack.proxy, real = proxy, stack.proxy
    calls = EdgeCalls(stack)
    stack.proxy = real
    stack.call(EDGE)

    assert list(calls.new()) == []


def test_a_proxy_that_is_away_for_a_moment_is_asked_again(stack):
    """No call is lost, and none told twice."""
    calls = EdgeCalls(stack)
    stack.call(EDGE, count=2)
    real = stack.proxy
    stack.proxy = lambda edge: (_ for _ in ()).throw(ProxyError("no answer"))
    nothing = list(calls.new())
    stack.proxy = real

    assert nothing == []
    assert len(list(calls.new())) == 2


def test_what_the_ring_forgot_is_counted(stack):
    """A record with holes must say so."""
    calls = EdgeCalls(stack)
    stack.proxy = lambda edge: SimpleNamespace(
        requests=lambda since: SimpleNamespace(next=since + 3, missed=3, requests=())
    )
    list(calls.new())

    assert calls.missed == 3


def test_a_breaker_is_told_when_its_state_changes(service):
    """All of them the first time, then only what is different."""
    breakers = asks(service)
    says(service, payments=0, users=0)
    first, again = changes(breakers), changes(breakers)
    says(service, payments=1, users=0)
    opened = changes(breakers)
    says(service, payments=2, users=0)
    half = changes(breakers)
    breakers.close()

    assert first == {"payments": "closed", "users": "closed"}
    assert (again, opened, half) == ({}, {"payments": "open"}, {"payments": "half_open"})


def test_a_service_that_does_not_tell_has_unknown_breakers(service):
    """Neither its last word nor a guess is shown for the time in which it was silent."""
    breakers = asks(service)
    says(service, payments=1)
    changes(breakers)
    service.text = ""
    silent = changes(breakers)
    service.text = "this is {no metric\n"
    garbled = changes(breakers)
    says(service, payments=0)
    back = changes(breakers)
    breakers.close()

    assert (silent, garbled, back) == ({"payments": "unknown"}, {}, {"payments": "closed"})


def test_breakers_of_several_instances_are_told_apart(service):
    """One breaker per instance is the usual form behind a balancer."""
    breakers = asks(service)
    service.text = 'breaker_state{name="a",instance="http://x"} 0\nbreaker_state{name="a",instance="http://y"} 1\n'
    told = changes(breakers)
    breakers.close()

    assert told == {"a http://x": "closed", "a http://y": "open"}


def test_the_observer_writes_what_it_saw_to_the_end(stack, tmp_path):
    """Calls made right before the end are in the file too, in order of their start."""
    path = tmp_path / "h.jsonl"
    with HistoryWriter(path, header()) as writer:
        with Observer(stack, writer, interval=60):
            stack.call(EDGE, "/a")
            stack.call(EDGE, "/b")
        seen = writer.snapshot()
    stored = read_history(path)

    assert [call.path for call in seen.calls] == ["/a", "/b"]
    assert stored.calls == seen.calls
    assert {json.loads(line).get("kind") for line in path.read_text().splitlines()[1:]} == {"call"}


def test_trouble_of_the_observer_is_a_note(stack, tmp_path):
    """An experiment does not end because nobody can watch it."""

    class Full(HistoryWriter):
        def add_calls(self, calls):
            if list(calls):
                raise ValueError("odd")

    with Full(tmp_path / "h.jsonl", header()) as writer:
        with Observer(stack, writer, interval=60):
            stack.call(EDGE)
        notes = [event for event in writer.snapshot().events if isinstance(event, NoteEvent)]

    assert [(note.what, note.text) for note in notes] == [
        ("info", "the system was not watched to the end: ValueError: odd")
    ]


def test_breaker_events_are_stored(tmp_path):
    """As they were."""
    event = BreakerEvent(t=1.0, breaker="orders->payments", service="orders", state="half_open")
    path = tmp_path / "h.jsonl"
    with HistoryWriter(path, header()) as writer:
        writer.append(event)

    assert read_history(path).events == (event,)
