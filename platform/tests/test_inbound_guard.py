"""The door of a service: its gates in their order, around a WSGI application, with what is never refused."""

import io
import json

import pytest
from scripted_peer import ManualClock

from resilience import time_left, trace
from resilience.inbound import Guard, InboundPolicy, Life, LimitSettings, RateLimitSettings, gates


class Application:
    """Answers 200 and notes what it saw."""

    def __init__(self, clock):
        self.clock, self.during = clock, lambda: None
        self.left, self.closed = [], 0

    def __call__(self, environ, start_response):
        self.left.append(time_left())
        self.during()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return self

    def __iter__(self):
        return iter([b"o", b"k"])

    def close(self):
        self.closed += 1


class Door:
    """A guard with a manual clock, and what came out of it."""

    def __init__(self, policy):
        self.clock, self.life, self.refused = ManualClock(), Life(), []
        self.application = Application(self.clock)
        self.gates = gates(policy, self.clock)
        self.guard = Guard(
            self.application,
            self.gates,
            life=self.life,
            problem_prefix="urn:test:",
            on_refusal=lambda environ, refusal: self.refused.append(refusal.kind),
            clock=self.clock,
        )

    def ask(self, path="/orders", body=b"", **environ):
        said = []
        environ = {"PATH_INFO": path, "REMOTE_ADDR": "1.2.3.4", "wsgi.input": io.BytesIO(body), **environ}
        self.body = b"".join(self.guard(environ, lambda status, fields: said.append((status, dict(fields)))))
        ((status, self.fields),) = said
        return int(status[:3])


ALL = InboundPolicy(
    deadline=10.0,
    rate_limit=RateLimitSettings(rate=1, burst=2),
    limit=LimitSettings(minimum=1, initial=1, maximum=1),
)


def test_request_that_is_let_in_gets_its_answer_and_the_time_that_is_left():
    """The application sees the caller's time, and its answer is closed."""
    door = Door(ALL)

    assert (door.ask(HTTP_X_REQUEST_TIMEOUT_MS="2500"), door.body) == (200, b"ok")
    assert door.application.left == [pytest.approx(2.5, abs=0.1)]
    assert door.application.closed == 1


def test_every_refusal_is_a_problem_document_and_does_no_work():
    """Type, title, status, detail and request id; `Retry-After` where coming again helps; the body is read."""
    door = Door(ALL)
    late = door.ask(HTTP_X_REQUEST_TIMEOUT_MS="0", HTTP_X_REQUEST_ID="r-1")
    document = json.loads(door.body)
    [door.ask() for _ in range(2)]
    often = door.ask()

    assert (late, document.pop("detail") != "") == (504, True)
    assert document == {
        "type": "urn:test:deadline-passed",
        "title": "Gateway Timeout",
        "status": 504,
        "request_id": "r-1",
    }
    assert (often, door.fields["Retry-After"], door.fields["Content-Type"]) == (429, "1", "application/problem+json")
    assert len(door.application.left) == 2
    assert door.refused == ["deadline-passed", "rate-limited"]


def test_too_much_at_once_is_503_and_the_slot_comes_back_after_an_error():
    """A request inside a request finds the only slot taken; an error of the application gives it back."""
    door = Door(InboundPolicy(limit=LimitSettings(minimum=1, initial=1, maximum=1)))
    inner = []

    def ask_again_and_fail():
        door.application.during = lambda: None
        inner.append(door.ask())
        raise ConnectionError

    door.application.during = ask_again_and_fail
    with pytest.raises(ConnectionError):
        door.ask()

    assert inner == [503]
    assert door.gates[0].in_flight == 0


def test_gates_stand_in_their_order():
    """What is late does not use up its client's share; what is refused for its rate takes no slot."""
    door = Door(ALL)
    late = [door.ask(HTTP_X_REQUEST_TIMEOUT_MS="0") for _ in range(5)]
    good = [door.ask() for _ in range(2)]

    assert (late, good) == ([504] * 5, [200] * 2)
    assert [gate.name for gate in door.gates] == ["deadline", "rate_limit", "limit"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_health_and_metrics_are_never_refused(path):
    """Not for their number, and not while the service has too much to do."""
    door = Door(ALL)
    for _ in range(3):
        door.ask()

    assert [door.ask(path) for _ in range(10)] == [200] * 10


@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_AUTHORIZATION"])
def test_no_header_makes_a_new_client(header):
    """The limit goes by the connection: whoever could choose a name would never be limited."""
    door = Door(InboundPolicy(rate_limit=RateLimitSettings(rate=1, burst=1)))

    assert [door.ask(**{header: f"10.0.0.{n}"}) for n in range(3)] == [200, 429, 429]
    assert door.ask(REMOTE_ADDR="5.6.7.8") == 200


def test_policy_that_is_off_has_no_gate():
    """Nothing is refused, and no deadline is set."""
    door = Door(InboundPolicy())

    assert [door.ask(HTTP_X_REQUEST_TIMEOUT_MS="0") for _ in range(50)] == [200] * 50
    assert door.application.left[0] is None


def test_draining_service_gives_connections_up():
    """Each answer asks the client to go; before, none does."""
    door = Door(InboundPolicy())
    door.ask()
    before = door.fields.get("Connection")
    stopped = []
    for _ in range(2):
        door.life.drain(0, lambda: stopped.append(1))
    door.ask()

    assert (before, door.fields["Connection"], door.life.draining) == (None, "close", True)


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("parent", "kept"),
    [
        (PARENT, True),
        ("cc" + PARENT[2:] + "-more", True),
        ("ff" + PARENT[2:], False),
        (PARENT + "-more", False),
        (PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32), False),
        (PARENT.replace("b7ad6b7169203331", "0" * 16), False),
        ("", False),
        ("garbage", False),
    ],
)
def test_trace_context_is_passed_on_and_garbage_begins_a_new_one(parent, kept):
    """Same trace id and flags, a new span id each time; the state of a trace that is not continued is dropped."""
    trace.receive({"traceparent": parent, "tracestate": "vendor=1", "X-Request-Id": "r-9"})
    first, second = trace.carry(), trace.carry()
    trace.forget()

    assert (first["traceparent"][:35] == PARENT[:35]) == kept
    assert first["traceparent"][:35] == second["traceparent"][:35]
    assert len({first["traceparent"][36:52], second["traceparent"][36:52], PARENT[36:52]}) == 3
    assert first.get("tracestate") == ("vendor=1" if kept else None)
    assert first["X-Request-Id"] == "r-9"
