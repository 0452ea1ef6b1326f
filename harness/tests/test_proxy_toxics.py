"""What each toxic does to a connection, on real sockets: bytes, order, errors, and that nothing comes too early."""

import contextlib
import socket
import threading
import time

import pytest
from proxy_wires import ask, connect, eventually, proxied, read_all, read_exactly, seconds

STREAMS = ["upstream", "downstream"]


@pytest.fixture(params=["preferred", "asyncio"])
def loop(request):
    return request.param


@pytest.fixture
def wire(loop):
    """An edge before an echo server, and a connection that was open before any toxic came."""
    with proxied(loop=loop) as (edge, _, _), connect(edge) as client:
        ask(client)
        yield edge, client


def collecting(heard):
    """An upstream that notes how each connection ended, and what it had said."""

    def listen(sock):
        data = b""
        try:
            while part := sock.recv(65536):
                data += part
            heard.append((data, "end"))
        except ConnectionResetError:
            heard.append((data, "reset"))

    return listen


@pytest.mark.parametrize("stream", STREAMS)
def test_noop_passes_everything(wire, stream):
    """The template does nothing."""
    edge, client = wire
    edge.add_toxic("noop", name="n", stream=stream)

    assert ask(client) == b"ping"


@pytest.mark.parametrize("stream", STREAMS)
def test_latency_delays_on_open_connections_and_ends_with_its_removal(wire, stream):
    """Never early; gone at once."""
    edge, client = wire
    edge.add_toxic("latency", name="slow", stream=stream, attributes={"latency": 150})
    answer, took = seconds(lambda: ask(client))
    edge.remove_toxic("slow")

    assert (answer, took >= 0.149) == (b"ping", True)
    assert ask(client) == b"ping"


def test_latency_of_two_toxics_adds_up(wire):
    """A chain, in both directions and in one."""
    edge, client = wire
    for name, stream in (("a", "upstream"), ("b", "downstream"), ("c", "downstream")):
        edge.add_toxic("latency", name=name, stream=stream, attributes={"latency": 60})
    _, took = seconds(lambda: ask(client))

    assert took >= 0.179


def test_latency_overlaps_so_chunks_that_follow_each_other_arrive_together(wire):
    """20 chunks through 300 ms: far sooner than 20 x 300 ms."""
    edge, client = wire
    edge.add_toxic("latency", name="slow", attributes={"latency": 300})

    def pipeline():
        for number in range(20):
            client.sendall(b"%02d" % number)
            time.sleep(0.002)
        return read_exactly(client, 40)

    answer, took = seconds(pipeline)

    assert answer == b"".join(b"%02d" % number for number in range(20))
    assert 0.3 <= took < 3


def test_jitter_keeps_the_order_of_bytes(wire):
    """Whatever each chunk's delay is."""
    edge, client = wire
    edge.add_toxic("latency", name="j", stream="upstream", attributes={"latency": 20, "jitter": 20})
    edge.add_toxic("latency", name="k", attributes={"latency": -5, "jitter": 30})
    sent = [b"%03d" % number for number in range(100)]

    def send():
        for chunk in sent:
            client.sendall(chunk)
            time.sleep(0.001)

    sender = threading.Thread(target=send)
    sender.start()
    received = read_exactly(client, 300)
    sender.join()

    assert received == b"".join(sent)


def test_latency_does_not_delay_the_end_but_keeps_it_behind_the_data(wire):
    """A close right after data."""
    edge, client = wire
    edge.add_toxic("latency", name="slow", stream="upstream", attributes={"latency": 100})
    client.sendall(b"last words")
    client.shutdown(socket.SHUT_WR)

    assert read_all(client) == b"last words"


def test_removing_latency_lets_what_it_held_go_at_once(wire):
    """An hour's delay ends with the toxic."""
    edge, client = wire
    edge.add_toxic("latency", name="hour", attributes={"latency": 3_600_000})
    client.sendall(b"held")
    assert eventually(lambda: edge.record().touched["hour"] == 1)
    edge.remove_toxic("hour")

    assert client.recv(10) == b"held"


def test_updating_latency_acts_on_what_it_holds(wire):
    """A shorter delay counts from when the data came."""
    edge, client = wire
    edge.add_toxic("latency", name="hour", attributes={"latency": 3_600_000})
    client.sendall(b"held")
    assert eventually(lambda: edge.record().touched["hour"] == 1)
    edge.update_toxic("hour", attributes={"latency": 1})

    assert client.recv(10) == b"held"


@pytest.mark.parametrize("stream", STREAMS)
def test_timeout_swallows_data_and_then_closes(wire, stream):
    """A black hole with an end."""
    edge, client = wire
    edge.add_toxic("timeout", name="hole", stream=stream, attributes={"timeout": 200})

    def ask_in_vain():
        client.sendall(b"anyone?")
        return client.recv(10)

    answer, took = seconds(ask_in_vain)

    assert (answer, took >= 0.19) == (b"", True)


def test_timeout_is_not_started_again_by_data(wire):
    """Data every 20 ms does not keep a connection with a 200 ms timeout alive."""
    edge, client = wire
    edge.add_toxic("timeout", name="hole", stream="upstream", attributes={"timeout": 200})
    client.settimeout(0.02)
    tries = 0
    while tries < 500:
        tries += 1
        try:
            client.sendall(b"still here")
            if client.recv(10) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break

    assert tries < 500


@pytest.mark.parametrize("stream", STREAMS)
def test_timeout_of_zero_holds_until_it_is_removed_and_then_closes_what_it_held(wire, stream):
    """Bytes are missing from the stream: it must not go on as if they were not."""
    edge, client = wire
    edge.add_toxic("timeout", name="hole", stream=stream)
    client.sendall(b"lost")
    assert eventually(lambda: edge.record().touched["hole"] == 1)
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(10)
    client.settimeout(20)
    edge.remove_toxic("hole")

    assert client.recv(10) == b""
    with connect(edge) as again:
        assert ask(again) == b"ping"


def test_timeout_lets_the_end_pass_so_that_a_client_which_gave_up_leaves_nothing_open(wire):
    """The client's close ends the connection on both sides."""
    edge, client = wire
    edge.add_toxic("timeout", name="hole", stream="upstream")
    client.sendall(b"lost")
    client.shutdown(socket.SHUT_WR)

    assert client.recv(10) == b""
    assert eventually(lambda: edge.record().open == 0)


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("when", ["open before", "opened after"])
def test_reset_peer_resets_the_client(wire, stream, when):
    """A real RST, also on a connection that was open before the toxic came."""
    edge, client = wire
    edge.add_toxic("reset_peer", name="rst", stream=stream)
    if when == "opened after":
        with connect(edge) as fresh, pytest.raises(ConnectionResetError):
            ask(fresh)
    else:
        with pytest.raises(ConnectionResetError):
            ask(client)


@pytest.mark.parametrize(("stream", "heard_before"), [("upstream", b"first"), ("downstream", b"firstping")])
def test_reset_peer_resets_the_upstream_after_it_heard_what_its_direction_lets_pass(loop, stream, heard_before):
    """Downstream: the request was taken, and its answer is lost."""
    heard, answered = [], threading.Event()

    def answer(sock):
        data = sock.recv(5)
        sock.sendall(b"ready")
        try:
            while part := sock.recv(100):
                data += part
                sock.sendall(b"answer")
                answered.set()
            heard.append((data, "end"))
        except ConnectionResetError:
            heard.append((data, "reset"))

    with proxied(answer, loop=loop) as (edge, _, _), connect(edge) as client:
        client.sendall(b"first")
        assert read_exactly(client, 5) == b"ready"
        edge.add_toxic("reset_peer", name="rst", stream=stream, attributes={"timeout": 50})
        client.sendall(b"ping")
        with pytest.raises(ConnectionResetError):
            client.recv(10)
        assert eventually(lambda: heard)

    assert heard == [(heard_before, "reset")]
    assert answered.is_set() == (stream == "downstream")


def test_reset_peer_leaves_a_connection_alone_on_which_nothing_is_said(wire):
    """It waits for data in its direction; removed before, it has changed nothing."""
    edge, client = wire
    edge.add_toxic("reset_peer", name="rst")
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(1)
    edge.remove_toxic("rst")
    client.settimeout(20)

    assert ask(client) == b"ping"


def test_reset_peer_that_spares_a_connection_does_not_change_how_it_ends(loop):
    """With toxicity 0 the end is an end, not a reset."""
    heard = []
    with proxied(collecting(heard), loop=loop) as (edge, _, _):
        edge.add_toxic("reset_peer", name="rst", stream="upstream", toxicity=0.0)
        with connect(edge) as client:
            client.sendall(b"all of it")
            client.shutdown(socket.SHUT_WR)
            assert client.recv(10) == b""
        assert eventually(lambda: heard)

    assert heard == [(b"all of it", "end")]


def test_removing_reset_peer_during_its_wait_returns_at_once_and_loses_nothing(wire):
    """Its wait of an hour can be interrupted."""
    edge, client = wire
    edge.add_toxic("reset_peer", name="rst", stream="upstream", attributes={"timeout": 3_600_000})
    client.sendall(b"saved")
    edge.remove_toxic("rst")

    assert read_exactly(client, 5) == b"saved"


def test_shortening_the_wait_of_reset_peer_resets_now(wire):
    """An update acts on a wait that has begun."""
    edge, client = wire
    edge.add_toxic("reset_peer", name="rst", stream="upstream", attributes={"timeout": 3_600_000})
    client.sendall(b"x")
    client.settimeout(0.05)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(20)
    edge.update_toxic("rst", attributes={"timeout": 0})

    with pytest.raises(ConnectionResetError):
        client.recv(1)


@pytest.mark.parametrize("stream", STREAMS)
def test_bandwidth_takes_the_time_that_the_rate_asks_for(wire, stream):
    """50,000 bytes at 100 KB/s: half a second, and all of them arrive."""
    edge, client = wire
    edge.add_toxic("bandwidth", name="thin", stream=stream, attributes={"rate": 100})
    data = bytes(range(250)) * 200
    answer, took = seconds(lambda: ask(client, data))

    assert (answer == data, took >= 0.49) == (True, True)


def test_bandwidth_of_zero_stops_the_data_until_it_is_raised(wire):
    """Nothing is lost meanwhile."""
    edge, client = wire
    edge.add_toxic("bandwidth", name="none", attributes={"rate": 0})
    client.sendall(b"waits")
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(5)
    client.settimeout(20)
    edge.update_toxic("none", attributes={"rate": 1000})

    assert read_exactly(client, 5) == b"waits"


def test_bandwidth_holds_the_source_back_instead_of_storing_what_it_says(loop):
    """Back-pressure through a toxic."""
    sent = []

    def pour(sock):
        sock.settimeout(0.3)
        try:
            while True:
                sent.append(sock.send(bytes(1_000_000)))
        except TimeoutError:
            sent.append(0)

    with proxied(pour, loop=loop) as (edge, _, _):
        edge.add_toxic("bandwidth", name="thin", attributes={"rate": 1})
        with connect(edge):
            assert eventually(lambda: sent and sent[-1] == 0)

    assert sum(sent) < 100_000_000


def test_limit_data_passes_exactly_its_bytes_and_closes(wire):
    """Counted from when the toxic came, per connection and direction."""
    edge, client = wire
    edge.add_toxic("limit_data", name="cut", attributes={"bytes": 100})
    first = ask(client, b"a" * 60)
    client.sendall(b"b" * 60)

    assert (first, read_all(client)) == (b"a" * 60, b"b" * 40)


def test_lowering_limit_data_below_what_has_passed_closes_now(wire):
    """Without waiting for more data."""
    edge, client = wire
    edge.add_toxic("limit_data", name="cut", attributes={"bytes": 100})
    ask(client)
    edge.update_toxic("cut", attributes={"bytes": 2})

    assert client.recv(1) == b""


def test_limit_data_upstream_gives_the_upstream_exactly_its_bytes_even_when_they_came_before_it_was_reached(loop):
    """Then both sides see the end."""
    heard = []
    with proxied(collecting(heard), loop=loop) as (edge, _, _):
        edge.add_toxic("limit_data", name="cut", stream="upstream", attributes={"bytes": 7})
        for _ in range(10):
            with connect(edge) as client:
                client.sendall(b"0123456789")
                assert client.recv(1) == b""
        assert eventually(lambda: len(heard) == 10)

    assert {data for data, _ in heard} == {b"0123456"}


@pytest.mark.parametrize("limit", [0, -1])
def test_limit_data_of_nothing_closes_at_the_first_data(wire, limit):
    """And not before."""
    edge, client = wire
    edge.add_toxic("limit_data", name="cut", attributes={"bytes": limit})
    client.settimeout(0.05)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(20)
    client.sendall(b"x")

    assert client.recv(1) == b""


@pytest.mark.parametrize("stream", STREAMS)
def test_slow_close_delays_the_end_only(wire, stream):
    """Data passes as ever."""
    edge, client = wire
    edge.add_toxic("slow_close", name="linger", stream=stream, attributes={"delay": 150})
    answer = ask(client)

    def close():
        client.shutdown(socket.SHUT_WR)
        return client.recv(1)

    end, took = seconds(close)

    assert (answer, end, took >= 0.149) == (b"ping", b"", True)


def test_removing_slow_close_lets_the_held_end_go(wire):
    """At once."""
    edge, client = wire
    edge.add_toxic("slow_close", name="linger", stream="upstream", attributes={"delay": 3_600_000})
    client.shutdown(socket.SHUT_WR)
    assert eventually(lambda: edge.record().touched["linger"] == 1)
    edge.remove_toxic("linger")

    assert client.recv(1) == b""


def test_toxics_act_in_the_order_in_which_they_were_added(wire):
    """A limit behind a delay counts what the delay lets go."""
    edge, client = wire
    edge.add_toxic("latency", name="first", attributes={"latency": 100})
    edge.add_toxic("limit_data", name="second", attributes={"bytes": 3})
    edge.add_toxic("slow_close", name="third", attributes={"delay": 100})
    client.sendall(b"abcdef")
    answer, took = seconds(lambda: read_all(client))

    assert (answer, took >= 0.199) == (b"abc", True)


def test_chain_of_hundreds_of_toxics_still_passes_data(wire):
    """No length of chain can exhaust the stack."""
    edge, client = wire
    for number in range(600):
        edge.add_toxic("noop", name=f"n{number}")

    assert ask(client) == b"ping"


EXTREMES = [-(2**63), -1, 0, 1, 2**62, 2**63 - 1]


@pytest.mark.parametrize("value", EXTREMES)
@pytest.mark.parametrize(
    ("kind", "attribute"),
    [
        ("latency", "latency"),
        ("latency", "jitter"),
        ("bandwidth", "rate"),
        ("timeout", "timeout"),
        ("reset_peer", "timeout"),
        ("limit_data", "bytes"),
        ("slow_close", "delay"),
    ],
)
def test_no_attribute_can_stop_the_server(kind, attribute, value):
    """Extreme values spoil their connection at most; the next one is served once they are gone."""
    with proxied() as (edge, _, _):
        for stream in STREAMS:
            edge.add_toxic(kind, name=stream, stream=stream, attributes={attribute: value})
        with connect(edge) as client:
            client.sendall(b"x" * 1000)
            client.settimeout(0.02)
            with contextlib.suppress(OSError):
                client.recv(1000)
            for stream in STREAMS:
                edge.update_toxic(stream, attributes={attribute: value})
                edge.remove_toxic(stream)
        with connect(edge) as client:
            assert ask(client) == b"ping"


@pytest.mark.parametrize("kind", ["noop", "latency", "bandwidth", "timeout", "reset_peer", "limit_data", "slow_close"])
def test_control_calls_do_not_wait_for_a_peer_that_does_not_read(kind, loop):
    """Toxics come and go while the buffers are full; each call is answered well before any data moves."""

    def pour(sock):
        while True:
            sock.sendall(bytes(100_000))

    with proxied(pour, loop=loop) as (edge, _, _), connect(edge):
        assert eventually(lambda: edge.record().bytes_down > 500_000)
        for _ in range(5):
            edge.add_toxic(kind, name="t", attributes={"timeout": 3_600_000} if kind == "reset_peer" else {})
            edge.update_toxic("t", toxicity=0.5)
            edge.remove_toxic("t")
        edge.disable()
        state = edge.enable()

    assert state.enabled
