"""The record of each connection: what was decided about it, what touched it, what passed, why it ended."""

import socket
import struct

import pytest
from proxy_wires import ask, connect, eventually, proxied, read_all

from windtunnel.errors import ProxyError
from windtunnel.proxy.history import MOST_TOXICS, History, Story


def last(edge):
    return edge.connections().connections[-1]


def ended(edge):
    """The last connection's record, once it is over."""
    assert eventually(lambda: edge.connections().connections and last(edge).closed is not None)
    return last(edge)


def test_open_connection_is_told_of_while_it_lives():
    """Reached, bytes so far, no end yet; over the API and from Python alike."""
    with proxied() as (edge, _, server), connect(edge) as client:
        ask(client, b"12345")
        found = last(edge)

        assert (found.ordinal, found.bytes_up, found.bytes_down) == (1, 5, 5)
        assert (found.closed, found.why, found.touched) == (None, "", ())
        assert found.opened <= found.reached
        assert server.connections("edge") == edge.connections()
        assert server.record("edge") == edge.record()


def test_end_by_the_client_says_so():
    """A plain close, with its time."""
    with proxied() as (edge, _, _):
        with connect(edge) as client:
            ask(client)
        found = ended(edge)

    assert (found.why, found.opened <= found.reached <= found.closed) == ("client closed", True)


def test_end_by_the_upstream_says_so():
    """It closed first."""
    with proxied(lambda sock: sock.sendall(b"bye")) as (edge, _, _), connect(edge) as client:
        read_all(client)
        client.close()

        assert ended(edge).why == "upstream closed"


def test_reset_by_the_client_says_so():
    """A RST is no close."""
    with proxied() as (edge, _, _):
        with connect(edge) as client:
            ask(client)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        assert ended(edge).why == "client reset"


def test_unreachable_upstream_says_so():
    """It was never reached."""
    with proxied() as (edge, _, _):
        edge.client.update("edge", upstream="nowhere")
        with connect(edge) as client:
            read_all(client)
        found = ended(edge)

    assert (found.why, found.reached) == ("upstream unreachable", None)


def test_disabled_proxy_says_so():
    """It was our own hand."""
    with proxied() as (edge, _, _), connect(edge) as client:
        ask(client)
        edge.disable()
        read_all(client)

        assert ended(edge).why == "proxy"


@pytest.mark.parametrize(
    ("kind", "attributes"), [("limit_data", {"bytes": 2}), ("reset_peer", {}), ("timeout", {"timeout": 1})]
)
def test_toxic_that_ends_a_connection_is_named(kind, attributes):
    """And is what touched it."""
    with proxied() as (edge, _, _), connect(edge) as client:
        ask(client)
        edge.add_toxic("noop", name="bystander")
        edge.add_toxic(kind, name="culprit", attributes=attributes)
        try:
            client.sendall(b"ping")
            read_all(client)
        except ConnectionResetError:
            pass
        found = ended(edge)

    assert (found.why, found.touched) == ("toxic culprit", ("culprit",))
    assert found.decided == {"bystander": True, "culprit": True}


def test_spared_connection_says_which_toxic_spared_it():
    """Decided, and not touched."""
    with proxied() as (edge, _, _), connect(edge) as client:
        edge.add_toxic("latency", name="never", toxicity=0.0, attributes={"latency": 5})
        ask(client)

        assert (last(edge).decided, last(edge).touched) == ({"never": False}, ())


def test_newest_connections_are_kept_and_the_others_counted():
    """Memory is bounded."""
    history = History(most=3)
    for ordinal in range(1, 6):
        history.begin(Story(ordinal, 0.0))
    log = history.log()

    assert ([record.ordinal for record in log.connections], log.dropped) == ([3, 4, 5], 2)


def test_one_connection_remembers_a_bounded_number_of_toxics():
    """It may outlive thousands."""
    story = Story(1, 0.0)
    for number in range(1000):
        story.decide(f"t{number}", True)
        story.touch(f"t{number}")
    record = story.record()

    assert (len(record.decided), len(record.touched)) == (MOST_TOXICS, MOST_TOXICS)


def test_unknown_proxy_is_an_error_with_its_status():
    """From Python as over the API."""
    with proxied() as (edge, _, server):
        for ask_for in (server.connections, server.record, edge.client.connections):
            with pytest.raises(ProxyError, match="proxy not found") as caught:
                ask_for("none")
            assert caught.value.status == 404


def decisions(seed, *, others):
    """What was decided about 20 connections, read from the record."""
    with proxied(seed=seed) as (edge, _, _):
        edge.add_toxic("noop", name="up", stream="upstream", toxicity=0.5)
        for number in range(others):
            edge.add_toxic("noop", name=f"other{number}", stream="upstream", toxicity=0.5)
        edge.add_toxic("noop", name="down", stream="downstream", toxicity=0.3)
        if others:
            edge.update_toxic("up", toxicity=0.5)
        for _ in range(20):
            with connect(edge):
                pass
        assert eventually(lambda: edge.record().connections == 20)
        return [(record.decided["up"], record.decided["down"]) for record in edge.connections().connections]


def test_same_seed_decides_the_same_in_a_hundred_of_a_hundred_runs():
    """Also when toxics are added behind and between, and when one is updated; another seed decides otherwise."""
    first = decisions(7, others=0)
    repeats = [decisions(7, others=number % 4) for number in range(100)]

    assert [repeat == first for repeat in repeats] == [True] * 100
    assert decisions(8, others=0) != first
    assert {True, False} == {up for up, _ in first} == {down for _, down in first}
