"""Faults on HTTP requests: proven by a twin and by the record, taken back, or said to be unproven."""

import httpx
import pytest
from fault_stack import MAIL, WEB, FaultStack, Impatience

from windtunnel.chaos import Chaos
from windtunnel.errors import CapabilityError, InjectionUnprovenError, ProxyError, SpecError
from windtunnel.faults import build
from windtunnel.request_match import RequestMatch
from windtunnel.spec.model import FaultStep
from windtunnel.undo import Journal
from windtunnel.undo.operations import toxic_remove

MINE = RequestMatch(path="/mine/{id}")
CASES = {
    "http_status": ({"status": 429, "retry_after": 3}, 429),
    "http_delay": ({"delay": 120, "jitter": 20}, 200),
    "http_truncate": ({"bytes": 60}, "IncompleteRead"),
    "http_header": ({"set": "X-Cache: stale", "remove": "Date"}, 200),
    "http_corrupt_body": ({"every": 8}, 200),
    "http_lose_answer": ({}, "ConnectionResetError"),
}
MORE = {
    "a fraction, reset": ("http_truncate", {"fraction": 0.25, "then": "reset"}, None),
    "hang": ("http_lose_answer", {"then": "hang"}, None),
    "delayed requests": ("http_delay", {"delay": 120}, "upstream"),
    "headers of requests": ("http_header", {"remove": "traceparent"}, "upstream"),
}


@pytest.fixture
def stack():
    made = FaultStack()
    yield made
    made.close()


def fault(name, params, *, edge=WEB, match=MINE, stream=None, toxicity=1.0, patience=None):
    step = FaultStep(
        name=name, fault=name, edges=(edge,), params=params, match=match, stream=stream, toxicity=toxicity, line=7
    )
    made = build(step)
    if patience is not None:
        made.patience = patience
    return made


def injected(stack, *args, **more):
    made = fault(*args, **more)
    made.plan(stack)
    stack.call(count=3)
    made.apply(stack)
    return made


@pytest.mark.parametrize("name", CASES)
def test_a_fault_bites_the_requests_it_is_for_and_is_shown_to(stack, name):
    """State, twin, load and restoration; requests that it is not for are answered as ever."""
    params, saw = CASES[name]
    breaking = injected(stack, name, params)
    proof = breaking.prove(stack)
    others = stack.call(count=2)
    mine = stack.call(path="/mine/7", count=2)
    on_load = breaking.prove_on_load(stack, 5.0)
    breaking.undo(stack)
    restored = breaking.prove_restored(stack)

    assert "read back; its twin for one canary left that" in proof
    assert (others, mine) == ([200, 200], [saw, saw])
    assert breaking.touched() == 2
    assert "acted on 2 requests of the load; the record shows GET /mine/7" in on_load
    assert "the proxy is clean" in restored
    assert stack.proxy(WEB).state().toxics == ()
    assert stack.call(path="/mine/7") == [200]


@pytest.mark.parametrize("case", MORE)
def test_each_way_to_write_it_is_proven(stack, case):
    """Attributes and streams that the usual case does not use."""
    name, params, stream = MORE[case]
    breaking = injected(stack, name, params, stream=stream)

    assert "read back" in breaking.prove(stack)
    breaking.undo(stack)
    assert "the proxy is clean" in breaking.prove_restored(stack)


def test_a_proof_uses_up_nothing_that_is_counted(stack):
    """The first matching request of the load is the first, although canaries came before it."""
    breaking = injected(stack, "http_status", {}, match=RequestMatch(first=1))
    breaking.prove(stack)

    assert stack.call(count=3) == [503, 200, 200]
    assert breaking.touched() == 1


def test_canaries_of_other_faults_are_passed_by(stack):
    """A latency on the same edge is proven as if nothing else were there."""
    answering = injected(stack, "http_status", {}, match=None)
    slow = build(FaultStep(name="slow", fault="latency", edges=(WEB,), params={"latency": 250}))
    slow.traffic = "none"
    slow.plan(stack)
    slow.apply(stack)

    assert "read back" in slow.prove(stack)
    assert answering.touched() == 0


def test_a_fault_that_no_request_of_the_load_met_is_unproven(stack):
    """Although its twin was met; it says what it was for."""
    breaking = injected(stack, "http_status", {}, patience=Impatience().patience)
    breaking.prove(stack)
    stack.call(count=3)

    with pytest.raises(InjectionUnprovenError, match=r"no request of the load .* it was for path=/mine/\{id\}"):
        breaking.prove_on_load(stack, 1.0)


def test_a_toxic_that_somebody_changed_is_unproven(stack):
    """What is read back is not what was asked for."""
    breaking = injected(stack, "http_status", {"status": 500})
    stack.proxy(WEB).update_toxic("http_status_downstream_7", attributes={"status": 501})

    with pytest.raises(InjectionUnprovenError, match="asked for http_status"):
        breaking.prove(stack)


def test_a_toxic_that_does_not_act_is_unproven(stack, monkeypatch):
    """The state is right, the effect is not: here the twin never comes."""
    breaking = injected(stack, "http_status", {})
    add = stack.proxy(WEB).client.add_toxic
    monkeypatch.setattr(stack.client, "add_toxic", lambda *a, **k: add(*a, **{**k, "toxicity": 0.0}))

    with pytest.raises(InjectionUnprovenError, match=r"a canary was answered .* not answered with 503"):
        breaking.prove(stack)
    assert [toxic.name for toxic in stack.proxy(WEB).state().toxics] == ["http_status_downstream_7"]


def test_a_toxic_left_behind_is_seen(stack):
    """The twin as well as the fault."""
    breaking = injected(stack, "http_status", {})
    stack.proxy(WEB).remove_toxic("http_status_downstream_7")
    stack.proxy(WEB).add_toxic("http_status", name="http_status_twin_7")

    assert "http_status_twin_7 is still there" in breaking.trace(breaking.watches[0])
    breaking.undo(stack)
    assert breaking.trace(breaking.watches[0]) is None


def test_what_was_planned_can_take_everything_back_from_the_journal(stack):
    """Both toxics, in another process, twice."""
    breaking = fault("http_status", {})
    records = breaking.plan(stack)
    stack.call(count=3)
    breaking.apply(stack)
    stack.proxy(WEB).add_toxic("http_status", name="http_status_twin_7")
    for _ in range(2):
        for record in records:
            toxic_remove(record.data, None)

    assert stack.proxy(WEB).state().toxics == ()


def test_a_proxy_that_cannot_read_http_is_a_missing_capability(stack, monkeypatch):
    """Shopify's Toxiproxy ignores `http`, and its answer does not have it: a skip, with the reason."""
    stack.client.update(WEB, http=False)

    with pytest.raises(CapabilityError, match=r"http_status needs a proxy that reads HTTP; that of .* \(embedded\)"):
        fault("http_status", {}).plan(stack)


def test_an_edge_that_speaks_something_else_is_a_missing_capability(stack):
    """Before anything is touched."""
    with pytest.raises(CapabilityError, match="needs an edge with protocol: http; caller->mail has tcp"):
        fault("http_status", {}, edge=MAIL).plan(stack)


@pytest.mark.parametrize(
    ("name", "params", "error", "said"),
    [
        ("http_header", {}, SpecError, "give set: 'Name: value', or remove: Name"),
        ("http_header", {"set": "no colon"}, SpecError, "write it as 'Name: value'"),
        ("http_truncate", {"fraction": 1.0}, SpecError, "cuts nothing"),
        ("http_truncate", {"fraction": 0.5, "bytes": 5}, SpecError, "exclude each other"),
        ("http_delay", {"delay": 10, "jitter": 10}, InjectionUnprovenError, "cannot be told from a healthy answer"),
    ],
)
def test_what_could_never_be_shown_is_refused_before(stack, name, params, error, said):
    """While planning."""
    with pytest.raises(error, match=said):
        fault(name, params).plan(stack)


def test_headers_that_frame_a_message_are_refused_by_the_proxy(stack):
    """Nothing is added."""
    breaking = fault("http_header", {"set": "Content-Length: 0"})
    breaking.plan(stack)

    with pytest.raises(ProxyError, match="Content-Length says where messages end"):
        breaking.apply(stack)
    assert stack.proxy(WEB).state().toxics == ()


def test_a_share_of_requests_is_proven_as_well(stack):
    """The twin is always met; of the load some are."""
    breaking = injected(stack, "http_status", {}, match=None, toxicity=0.5)
    breaking.prove(stack)
    answers = stack.call(count=30)
    breaking.prove_on_load(stack, 5.0)

    assert set(answers) == {200, 503}
    assert breaking.touched() == answers.count(503)


BLOCKS = {
    "http_status": lambda chaos, match: chaos.http_status(WEB, status=429, body="no", match=match),
    "http_delay": lambda chaos, match: chaos.http_delay(WEB, delay_ms=120, match=match),
    "http_truncate": lambda chaos, match: chaos.http_truncate(WEB, limit_bytes=60, match=match),
    "http_header": lambda chaos, match: chaos.http_header(WEB, set="X-A: b", remove="Date", match=match),
    "http_corrupt_body": lambda chaos, match: chaos.http_corrupt_body(WEB, every_bytes=4, match=match),
    "http_lose_answer": lambda chaos, match: chaos.http_lose_answer(WEB, match=match),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_breaks_the_requests_it_is_for(stack, tmp_path, name):
    """By hand: with the match as plain data, journalled, proven, restored."""
    journal = Journal(tmp_path / "journal")
    match = {"method": "GET", "path": "/mine/{id}", "headers": {"Accept-Encoding": "*"}}
    with BLOCKS[name](Chaos(stack, journal), match) as disturbance:
        saw = [*stack.call(path="/mine/7"), *stack.call()]
        pending = journal.pending()

    assert saw == [CASES[name][1], 200]
    assert disturbance.touched == 1
    assert "read back" in disturbance.proof
    assert "clean" in disturbance.restored
    assert len(pending) == 2
    assert not journal.pending()


def test_a_block_s_own_traffic_can_be_required(stack, tmp_path):
    """As an experiment requires the load's."""
    chaos = Chaos(stack, Journal(tmp_path / "journal"))
    stack.call()
    with chaos.http_status(WEB, require_traffic=True) as disturbance:
        stack.call()

    assert "acted on 1 requests" in disturbance.load_proof


def test_a_match_that_cannot_be_says_so_by_hand(stack, tmp_path):
    """One line, before anything is done."""
    with pytest.raises(SpecError, match="http_status on caller->web: match: unknown key 'pth'"):
        Chaos(stack, Journal(tmp_path / "journal")).http_status(WEB, match={"pth": "/"})


def test_a_toxiproxy_that_knows_no_http_gets_a_body_it_understands():
    """`http` is sent only where it is wanted."""
    seen = []

    def answer(request):
        seen.append(request.content)
        return httpx.Response(201, json={"name": "p", "listen": "a:1", "upstream": "b:2", "enabled": True})

    from windtunnel.toxiproxy import ToxiproxyClient

    client = ToxiproxyClient("http://elsewhere")
    client._http = httpx.Client(base_url="http://elsewhere", transport=httpx.MockTransport(answer))
    with client:
        plain, asked = client.create("p", "a:1", "b:2"), client.create("p", "a:1", "b:2", http=True)

    assert (b"http" in seen[0], b"http" in seen[1]) == (False, True)
    assert (plain.http, asked.http) == (False, False)
