"""What is typed after `windtunnel fault`: read as a step of an experiment, or refused in one line."""

import pytest

from windtunnel.errors import BadInputError
from windtunnel.faults import SHAPES, build
from windtunnel.request_match import RequestMatch
from windtunnel.spec.surroundings import Surroundings
from windtunnel.standby.words import example, lost_arrow, read_words

PAY, STOCK = "orders->payments", "orders->stock"
AROUND = Surroundings(
    edges=("client->orders", PAY, STOCK, "orders->stock#2"),
    services=("orders", "payments", "stock", "stock#2"),
    scenarios=(),
    invariants=(),
    has_invariants=False,
    faults=SHAPES,
)

GOOD = {
    "short form": ((PAY, "latency=800ms"), {"latency": 800}, None),
    "long form": ((PAY, "latency", "latency=0.8s"), {"latency": 800}, None),
    "for a while": ((PAY, "latency=800ms", "for", "30s"), {"latency": 800}, 30.0),
    "for as an attribute": ((PAY, "latency=800ms", "for=1m"), {"latency": 800}, 60.0),
    "for in the middle": ((PAY, "latency=800ms", "for", "2s", "jitter=50ms"), {"latency": 800, "jitter": 50}, 2.0),
    "nothing more": ((PAY, "down"), {}, None),
    "a service": (("payments", "kill"), {}, None),
    "an instance": (("stock#2", "pause", "for", "5s"), {}, 5.0),
    "a share": (("payments", "starve", "cpu=10%"), {"cpu": 0.1}, None),
    "a share, short": (("payments", "starve=10%"), {"cpu": 0.1}, None),
    "a status, short": ((PAY, "http_status=503"), {"status": 503}, None),
    "a data rate": ((PAY, "bandwidth=16KB/s"), {"rate": 16}, None),
    "one of some words": ((PAY, "http_lose_answer", "then=hang"), {"then": "hang"}, None),
    "a text that looks like a number": ((PAY, "http_status=503", "body=42"), {"status": 503, "body": "42"}, None),
}


@pytest.mark.parametrize("case", GOOD)
def test_words_become_a_step(case):
    """With the attributes converted as a fault wants them, and the duration in seconds."""
    words, params, duration = GOOD[case]
    step = read_words(words, AROUND).step

    assert (dict(step.params), step.duration) == (params, duration)
    assert step.service == (None if "->" in words[0] else words[0])
    assert step.edges == ((words[0],) if "->" in words[0] else ())


def test_what_is_shown_is_what_was_typed_without_its_duration():
    """The time that is left is shown beside it."""
    assert read_words((PAY, "latency=800ms", "for", "30s", "jitter=9ms"), AROUND).words == (
        "orders->payments latency=800ms jitter=9ms"
    )


def test_several_edges_are_one_fault():
    """Where the fault can be put on several."""
    assert read_words((PAY, STOCK, "partition"), AROUND).step.edges == (PAY, STOCK)


def test_a_match_is_read():
    """Paths, methods and headers as texts, counts as numbers."""
    words = (PAY, "http_status=503", "match.path=/charges", "match.headers.x-tenant=7", "match.nth=2")

    assert read_words(words, AROUND).step.match == RequestMatch(path="/charges", headers={"x-tenant": "7"}, nth=2)


def test_stream_and_toxicity_are_read():
    """As in a file."""
    step = read_words((PAY, "latency=1s", "stream=upstream", "toxicity=0.5"), AROUND).step

    assert (step.stream, step.toxicity) == ("upstream", 0.5)


BAD = {
    "no fault": ((PAY,), "what shall happen to orders->payments? add a fault: bandwidth, down"),
    "no fault on a service": (
        ("payments",),
        "what shall happen to payments? add a fault: disconnect, disk_full, kill, ",
    ),
    "unknown fault": ((PAY, "latncy=1s"), "unknown fault 'latncy'; known: latency, "),
    "unknown edge": (("orders->paymnts", "down"), "unknown edge 'orders->paymnts'; known: orders->payments, "),
    "unknown service": (("paymnts", "kill"), "unknown service 'paymnts'; known: payments, "),
    "edge fault on a service": (("payments", "down"), "those of payments: 'orders->payments'"),
    "service fault on an edge": ((PAY, "kill"), "put on a service, not on an edge; write for instance payments kill"),
    "two edges for one": ((PAY, STOCK, "down"), "down is put on one edge at a time"),
    "no value for it": ((PAY, "down=1s"), "down takes no value; write down alone"),
    "no unit": ((PAY, "latency=800"), "'800' has no unit; write 800s or 800ms"),
    "wrong unit": ((PAY, "latency=1KB"), "'1KB' is not a duration: unknown unit 'KB'"),
    "missing attribute": ((PAY, "latency"), "latency lacks latency; write for instance latency=300ms"),
    "missing second": ((PAY, "slicer=2KB"), "slicer lacks delay; write for instance delay=500us"),
    "unknown attribute": ((PAY, "latency=1s", "jiter=1ms"), "unknown attribute 'jiter'; known: jitter, "),
    "a key of files": ((PAY, "latency=1s", "at=1s"), "unknown attribute 'at'"),
    "given twice": ((PAY, "latency=1s", "latency=2s"), "latency is given twice"),
    "a word alone": ((PAY, "latency", "800ms"), "'800ms' says nothing by itself; write NAME=VALUE after latency"),
    "no value": ((PAY, "latency="), "latency has no value; write latency=VALUE"),
    "for what": ((PAY, "down", "for"), "for has no value; write for 30s"),
    "for no unit": ((PAY, "down", "for", "30"), "'30' has no unit"),
    "for what does not last": (
        ("payments", "restart", "for", "5s"),
        "restart is over once it is done; leave 'for' out",
    ),
    "for no time": ((PAY, "down", "for", "0s"), "'0s' is no time at all; leave 'for' out to last to the end"),
    "match on bytes": ((PAY, "latency=1s", "match.path=/x"), "latency is not put on HTTP requests: it takes no match."),
    "match of what": ((PAY, "http_status=503", "match.pth=/x"), "unknown key 'pth'; known: path, "),
    "match badly": ((PAY, "http_status=503", "match.path=x"), "'x' is no path"),
    "status": ((PAY, "http_status=999"), "'999' is not a status of an answer"),
    "word of none": ((PAY, "http_lose_answer", "then=hung"), "unknown then 'hung'; known: hang, reset"),
    "toxicity": ((PAY, "latency=1s", "toxicity=2"), "toxicity is a share from 0 to 1, found 2"),
    "stream": ((PAY, "http_status=503", "stream=upstream"), "unknown stream 'upstream'; known: downstream"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_line_that_says_what_would_be_right(case):
    """Without a file and a line, which nobody has written."""
    words, message = BAD[case]
    with pytest.raises(BadInputError) as caught:
        read_words(words, AROUND)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value)[0] != "."


def test_an_edge_that_was_not_quoted_is_recognised():
    """`orders->payments` without quotes arrives as `orders-`, and the output went to a file."""
    told = lost_arrow(("orders-", "latency=800ms"), "payments")

    assert told == (
        "quote the edge: 'orders->payments'; the shell took '>' for itself, and has written to a file called payments"
    )
    assert "may have written to a file called like the callee" in (lost_arrow(("orders-", "down")) or "")
    assert lost_arrow((PAY, "down")) is None


@pytest.mark.parametrize("fault", SHAPES)
def test_every_fault_can_be_typed_with_its_examples(fault):
    """What `windtunnel fault --list` shows is what works."""
    shape = SHAPES[fault]
    target = PAY if shape.on == "edge" else "payments"
    attributes = [example(name, shape).split("|")[0] for name in shape.params]
    asked = read_words((target, fault, *attributes), AROUND)

    assert build(asked.step).step.fault == fault
    assert set(asked.step.params) == set(shape.params)
