"""refuse: accepted and closed again, by an end or by a RST; the upstream never hears of it (#123, #265, #410)."""

import pytest
from proxy_wires import ask, connect, eventually, proxied, read_all
from toxic_bench import Bench


@pytest.mark.parametrize(("reset", "said"), [(0, "closed"), (1, "reset"), (-7, "reset")])
def test_connection_is_closed_when_the_time_is_up(reset, said):
    """Not before."""
    bench = Bench("refuse", delay=300, reset=reset)
    bench.run(0.299)
    early = list(bench.out)
    bench.run(0.002)

    assert (early, bench.chunks, bench.touches) == ([], [said], 1)


def test_removal_before_that_lets_it_in():
    """At once."""
    bench = Bench("refuse", delay=300)
    bench.toxic.remove()

    assert (bench.chunks, bench.waiting) == (["in"], 0)


@pytest.mark.parametrize("delay", [0, 20, -1])
def test_client_sees_the_end_and_the_upstream_nothing(delay):
    """On sockets; new connections work again when it is gone."""
    with proxied() as (edge, upstream, _):
        edge.add_toxic("refuse", name="no", attributes={"delay": delay})
        with connect(edge) as client:
            answer = read_all(client)
        assert eventually(lambda: edge.record().open == 0)
        found = edge.connections().connections[0]
        accepted = upstream.accepted
        edge.remove_toxic("no")
        with connect(edge) as client:
            again = ask(client)

    assert (answer, accepted, again) == (b"", 0, b"ping")
    assert (found.why, found.touched, found.reached) == ("toxic no", ("no",), None)


def test_client_sees_a_reset_when_that_is_asked_for():
    """As from a host that answers with RST."""
    with proxied() as (edge, _, _):
        edge.add_toxic("refuse", name="no", attributes={"reset": 1, "delay": 10})
        with connect(edge) as client, pytest.raises(ConnectionResetError):
            client.recv(1)


def test_open_connections_live_on():
    """Unlike with a disabled proxy."""
    with proxied() as (edge, _, _), connect(edge) as client:
        ask(client)
        edge.add_toxic("refuse", name="no")
        with connect(edge) as other:
            assert read_all(other) == b""

        assert ask(client) == b"ping"


def test_share_of_the_connections_is_refused():
    """By the seed; the record says which."""
    with proxied(seed=3) as (edge, _, _):
        edge.add_toxic("refuse", name="no", toxicity=0.5)
        seen = []
        for _ in range(20):
            with connect(edge) as client:
                try:
                    client.sendall(b"ping")
                    seen.append(client.recv(10) == b"")
                except OSError:
                    seen.append(True)
        decided = [record.decided["no"] for record in edge.connections().connections]

    assert seen == decided
    assert {True, False} == set(seen)
