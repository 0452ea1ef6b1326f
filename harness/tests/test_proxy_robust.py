"""Whatever it is told, the server lives on: generated attributes and calls, and a data path that nobody reads.

500 examples each; 10,000 with `--hypothesis-profile=nightly`.
"""

import http.client
import json
import socket
from contextlib import contextmanager, suppress
from dataclasses import fields
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proxy_wires import ON_BYTES, PATIENCE, Upstream, ask, connect, eventually, proxied, read_all

from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.proxy.toxics import TOXICS
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient

MANY = settings(max_examples=max(500, settings.default.max_examples), suppress_health_check=list(HealthCheck))
INTEGERS = st.one_of(
    st.integers(-3, 3000), st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, -1, 2**62, 2**63 - 1, -(2**63)])
)
FRACTIONS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 1), INTEGERS)


@st.composite
def toxics(draw, kinds=frozenset(TOXICS)):
    """A toxic with attributes of the right types (for those on bytes) and any values."""
    kind = draw(st.sampled_from(sorted(kinds)))
    numbers = {
        field.name: draw(INTEGERS if field.type in ("int", int) else FRACTIONS)
        for field in fields(TOXICS[kind].Settings)
    }
    return {
        "type": kind,
        "stream": draw(st.sampled_from(["upstream", "downstream"])),
        "toxicity": draw(st.sampled_from([1, 1, 0.5, 0, -1, 7, 3e38])),
        "attributes": {name: value for name, value in numbers.items() if draw(st.booleans())},
    } | ({"duration": draw(st.integers(0, 5))} if draw(st.booleans()) else {})


class Caller:
    """The control API over one connection that is kept."""

    def __init__(self, server):
        self._connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)

    def __call__(self, method, path, body=None):
        """(status, body)"""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        self._connection.request(method, path, content)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self):
        self._connection.close()


@contextmanager
def driven():
    """(call, edge, server): one server for all examples of a test, and a proxy on it before an echo server."""
    with Upstream() as upstream, EmbeddedToxiproxy() as server, ToxiproxyClient(server.url, timeout=PATIENCE) as client:
        call = Caller(server)
        client.create("edge", "127.0.0.1:0", upstream.address)
        try:
            yield call, EdgeProxy(client, "edge"), server
        finally:
            call.close()
    assert server.unhandled == ()


@pytest.fixture(scope="module")
def standing():
    with driven() as parts:
        yield parts


@pytest.fixture(scope="module")
def address(standing):
    return standing[1].listen


@MANY
@given(wanted=st.lists(toxics(ON_BYTES), min_size=1, max_size=4), later=toxics(ON_BYTES))
def test_no_toxic_whatever_its_attributes_stops_the_server(standing, address, wanted, later):
    """Added with data on the way, updated, removed; then the same proxy passes everything."""
    call, _, server = standing
    call("POST", "/reset")
    with socket.create_connection(address, timeout=PATIENCE) as open_before:
        open_before.sendall(b"x" * 2000)
        for number, toxic in enumerate(wanted):
            assert call("POST", "/proxies/edge/toxics", toxic | {"name": str(number)})[0] == 200
        # A connection that is refused with a reset may see it before connect has returned.
        with suppress(OSError), socket.create_connection(address, timeout=PATIENCE) as opened_after:
            opened_after.sendall(b"y" * 2000)
            opened_after.shutdown(socket.SHUT_WR)
        # 404: its duration is over.
        assert call("PATCH", "/proxies/edge/toxics/0", later)[0] in (200, 404)
        assert call("GET", "/proxies/edge/record/connections")[0] == 200
        assert call("POST", "/reset") == (204, b"")
    with socket.create_connection(address, timeout=PATIENCE) as healthy:
        assert ask(healthy) == b"ping"
    assert server.unhandled == ()


NAMES = st.sampled_from(["a", "b", "a/b", "ü", "edge"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), INTEGERS, st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
PROXIES = st.fixed_dictionaries(
    {},
    optional={
        "name": NAMES,
        "upstream": st.sampled_from(["127.0.0.1:9", "nowhere", ""]),
        "listen": st.sampled_from(["127.0.0.1:0", "", "foo", "localhost:0", "[::1]:0"]),
        "enabled": st.booleans(),
        "http": st.booleans(),
        "toxics": st.lists(toxics(), max_size=2),
    },
)
BODIES = st.one_of(PROXIES, st.lists(PROXIES, max_size=3), toxics(), VALUES, st.binary(max_size=30))


def path_of(parts):
    """/proxies/NAME/... with everything percent-encoded that a path must not hold."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


PATHS = st.one_of(
    st.sampled_from(["/proxies", "/populate", "/reset", "/version", "/metrics", "/", "/nope"]),
    st.tuples(st.just("proxies"), NAMES).map(path_of),
    st.tuples(st.just("proxies"), NAMES, st.sampled_from(["toxics", "record", "nope"])).map(path_of),
    st.tuples(
        st.just("proxies"), NAMES, st.just("toxics"), st.sampled_from(["latency_upstream", "noop_downstream", "x"])
    ).map(path_of),
)
CALLS = st.tuples(st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD"]), PATHS, BODIES)
STATUSES = {200, 201, 204, 400, 404, 405, 409, 500}


@pytest.fixture(scope="module")
def empty():
    with EmbeddedToxiproxy() as server:
        call = Caller(server)
        yield call, server
        call.close()
    assert server.unhandled == ()


@MANY
@given(calls=st.lists(CALLS, min_size=1, max_size=8))
def test_any_sequence_of_calls_gets_an_answer_and_leaves_a_server_that_works(empty, calls):
    """Each answer is one of the statuses that are documented; a 500 is never our own mistake."""
    call, server = empty
    for method, path, body in calls:
        status, answer = call(method, path, json.dumps(body).encode() if not isinstance(body, bytes) else body)
        assert status in STATUSES, (method, path, body, answer)
        assert b"internal error" not in answer, (method, path, body, answer)
    for name in json.loads(call("GET", "/proxies")[1]):
        assert call("DELETE", path_of(("proxies", name)))[0] == 204

    assert call("GET", "/proxies") == (200, b"{}")
    assert server.unhandled == ()


def pour(sock):
    """An upstream that never stops."""
    while True:
        sock.sendall(bytes(100_000))


def test_control_calls_do_not_wait_for_a_peer_that_does_not_read():
    """All of them answer while the client still reads nothing (Toxiproxy: 25 s, then 503)."""
    with proxied(pour) as (edge, upstream, _), connect(edge) as client:
        passed = []

        def stuck():
            passed.append(edge.record().bytes_down)
            return len(passed) > 3 and passed[-1] == passed[-4] > 0

        assert eventually(stuck)
        for kind in sorted(ON_BYTES):
            edge.add_toxic(kind, name=kind)
            edge.update_toxic(kind, toxicity=0.5)
            edge.update_toxic(kind, toxicity=1.0)
        listed = len(edge.state().toxics)
        for kind in sorted(ON_BYTES, reverse=True):
            if kind != "timeout":  # its removal closes the connection
                edge.remove_toxic(kind)
        open_still = edge.record().open
        edge.client.reset()
        edge.client.update("edge", upstream=upstream.address + "0")
        edge.disable()
        edge.client.delete("edge")

        # Only now is anything read.
        assert (listed, open_still) == (len(ON_BYTES), 1)
        with suppress(ConnectionResetError):
            assert len(read_all(client)) > 0


@pytest.mark.parametrize("kind", ["reset_peer", "timeout", "slow_close", "latency", "slow_accept", "refuse"])
def test_control_calls_do_not_wait_for_a_toxic_that_waits(kind):
    """An hour's wait is on; every call answers, and the removal ends it (Toxiproxy: as long as reset_peer sleeps)."""
    hour = {"reset_peer": "timeout", "timeout": "timeout", "latency": "latency"}.get(kind, "delay")
    with proxied() as (edge, _, _):
        edge.add_toxic(kind, name="hour", stream="upstream", attributes={hour: 3_600_000})
        with connect(edge) as client:
            client.sendall(b"ping")
            if kind != "timeout":  # it lets an end through, and the echo would be over
                client.shutdown(socket.SHUT_WR)
            assert eventually(lambda: edge.record().connections == 1)
            edge.add_toxic("noop", name="behind", stream="upstream")
            edge.update_toxic("hour", attributes={hour: 3_599_999})
            waiting = edge.record().open
            edge.remove_toxic("hour")
            answer = read_all(client)

    assert waiting == 1
    assert answer == (b"" if kind == "timeout" else b"ping")
