"""The edge record: what proofs of injection read. And toxicity, which decides whom a toxic touches."""

import socket

import pytest
from proxy_wires import ask, connect, eventually, proxied, read_all

from windtunnel.proxy.chance import draw, generator


def test_record_counts_connections_and_bytes_while_they_are_open():
    """Not only after their end."""
    with proxied() as (edge, _, _):
        with connect(edge) as one, connect(edge) as two:
            ask(one, b"123")
            ask(two, b"4567")
            live = edge.record()
        assert eventually(lambda: edge.record().open == 0)
        after = edge.record()

    assert (live.connections, live.open, live.forwarded, live.bytes_up, live.bytes_down) == (2, 2, 2, 7, 7)
    assert (after.connections, after.open, after.forwarded, after.bytes_up, after.bytes_down) == (2, 0, 2, 7, 7)


def test_bytes_that_a_toxic_swallows_are_not_counted_as_passed():
    """What is counted has been given to the other side."""
    with proxied() as (edge, _, _), connect(edge) as client:
        ask(client)
        edge.add_toxic("timeout", name="hole", stream="upstream")
        client.sendall(b"lost")
        assert eventually(lambda: edge.record().touched["hole"])

        assert edge.record().bytes_up == 4


def end(sock):
    sock.shutdown(socket.SHUT_WR)
    read_all(sock)


def reset(sock):
    with pytest.raises(ConnectionResetError):
        ask(sock)


TOUCHING = [
    ("latency", {"latency": 1}, ask),
    ("bandwidth", {"rate": 1}, ask),
    ("timeout", {}, lambda sock: sock.sendall(b"x")),
    ("reset_peer", {}, reset),
    ("limit_data", {"bytes": 4}, ask),
    ("slow_close", {"delay": 1}, end),
]


@pytest.mark.parametrize(("kind", "attributes", "act"), TOUCHING, ids=[kind for kind, *_ in TOUCHING])
def test_toxic_that_acted_on_a_link_has_touched_it_once(kind, attributes, act):
    """A second connection, on which nothing happened, is not counted."""
    with proxied() as (edge, _, _), connect(edge) as client, connect(edge):
        edge.add_toxic(kind, name="t", attributes=attributes)
        act(client)
        assert eventually(lambda: edge.record().touched["t"])

        assert edge.record().touched == {"t": 1}


@pytest.mark.parametrize("kind", ["latency", "noop", "slow_close"])
def test_toxic_that_changed_nothing_has_touched_nothing(kind):
    """A latency of 0 delays nothing; noop and a slow_close without a close neither."""
    with proxied() as (edge, _, _), connect(edge) as client:
        edge.add_toxic(kind, name="t")
        ask(client)

        assert edge.record().touched == {"t": 0}


def test_limit_that_was_not_reached_has_touched_nothing():
    """Nor has a toxic with toxicity 0."""
    with proxied() as (edge, _, _), connect(edge) as client:
        edge.add_toxic("limit_data", name="far", attributes={"bytes": 1000})
        edge.add_toxic("latency", name="never", toxicity=0.0, attributes={"latency": 5})
        ask(client)

        assert edge.record().touched == {"far": 0, "never": 0}


def test_count_of_a_toxic_outlives_it_and_a_new_one_of_that_name_starts_at_zero():
    """A proof can be read after the fault was lifted, and is never a former fault's."""
    with proxied() as (edge, _, _), connect(edge) as client:
        edge.add_toxic("latency", name="t", attributes={"latency": 1})
        ask(client)
        edge.remove_toxic("t")
        kept = edge.record().touched
        edge.add_toxic("latency", name="t", attributes={"latency": 1})
        fresh = edge.record().touched
        edge.client.reset()

        assert (kept, fresh, edge.record().touched) == ({"t": 1}, {"t": 0}, {})


def touched_connections(edge, count, toxicity):
    """Which of `count` new connections a reset toxic hits."""
    edge.add_toxic("reset_peer", name="t", stream="upstream", toxicity=toxicity)
    hit = []
    for _ in range(count):
        with connect(edge) as client:
            try:
                hit.append(ask(client) != b"ping")
            except ConnectionResetError:
                hit.append(True)
    edge.remove_toxic("t")
    return hit


def test_same_seed_touches_the_same_connections():
    """Whatever else is on the proxy; another seed touches others."""
    runs = []
    for seed in (7, 7, 8):
        with proxied(seed=seed) as (edge, _, _):
            if len(runs) == 1:
                edge.add_toxic("noop", name="behind", toxicity=0.5)
            runs.append(touched_connections(edge, 30, 0.5))

    assert runs[0] == runs[1] != runs[2]
    assert {True, False} == set(runs[0])


def test_decision_is_never_drawn_again():
    """Neither when the toxic is updated nor when others come and go: a raised toxicity only adds connections."""
    with proxied() as (edge, _, _):
        clients = [connect(edge) for _ in range(20)]
        try:
            edge.add_toxic("latency", name="t", toxicity=0.5, attributes={"latency": 1})
            for client in clients:
                ask(client)
            first = edge.record().touched["t"]
            for number in range(5):
                edge.add_toxic("noop", name=f"n{number}", toxicity=0.5)
                edge.update_toxic("t", toxicity=0.5, attributes={"latency": 2})
                for client in clients:
                    ask(client)
            again = edge.record().touched["t"]
            edge.update_toxic("t", toxicity=1.0)
            for client in clients:
                ask(client)
            every = edge.record().touched["t"]
        finally:
            for client in clients:
                client.close()

    assert 0 < first == again < 20
    assert every == first + (20 - first)


def test_share_of_connections_is_the_toxicity():
    """The draw is even, and differs by what it is about."""
    draws = [draw(1, "proxy", "toxic", "upstream", ordinal) for ordinal in range(20_000)]

    assert all(0 <= each < 1 for each in draws)
    assert 0.28 < sum(each < 0.3 for each in draws) / len(draws) < 0.32
    assert draws[:10] == [draw(1, "proxy", "toxic", "upstream", ordinal) for ordinal in range(10)]
    assert draws[0] != draw(2, "proxy", "toxic", "upstream", 0) != draw(1, "proxy", "toxic", "downstream", 0)


def test_generator_repeats_its_series():
    """Jitter of one link in one run is its jitter in the next."""
    assert generator(1, "a", 2).random() == generator(1, "a", 2).random() != generator(1, "a", 3).random()
