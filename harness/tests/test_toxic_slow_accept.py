"""slow_accept: connections are taken up late; open ones, and those that come after its end, are not concerned."""

import pytest
from proxy_wires import ask, connect, eventually, proxied, seconds
from toxic_bench import Bench

HOUR = 3_600_000


def test_connection_is_let_in_when_the_time_is_up():
    """Not before."""
    bench = Bench("slow_accept", delay=500)
    bench.run(0.499)
    early = list(bench.out)
    bench.run(0.002)

    assert (early, bench.chunks, bench.touches) == ([], ["in"], 1)


@pytest.mark.parametrize("delay", [0, -1, -(2**63)])
def test_without_a_delay_it_is_let_in_at_once(delay):
    """And not touched."""
    bench = Bench("slow_accept", delay=delay)

    assert (bench.chunks, bench.touches, bench.waiting) == (["in"], 0, 0)


def test_update_counts_from_when_the_connection_came():
    """A shorter delay that is over already lets it in now."""
    bench = Bench("slow_accept", delay=HOUR)
    bench.run(1)
    bench.update(delay=2000)
    waits = list(bench.out)
    bench.run(1)

    assert (waits, bench.out) == ([], [(2.0, "in")])


def test_upstream_is_reached_only_then_and_what_the_client_said_is_kept():
    """On sockets: even a server that speaks first is silent meanwhile."""

    def greet(sock):
        sock.sendall(b"220 ")
        sock.sendall(sock.recv(100))

    with proxied(greet) as (edge, upstream, _):
        edge.add_toxic("slow_accept", name="late", attributes={"delay": 200})

        def talk():
            with connect(edge) as client:
                client.sendall(b"hello")
                before = upstream.accepted
                return before, client.recv(4), client.recv(5)

        (before, *answers), took = seconds(talk)

        assert (before, answers) == (0, [b"220 ", b"hello"])
        assert took >= 0.199
        assert edge.record().touched == {"late": 1}


def test_removal_lets_in_who_waits():
    """At once, whatever the delay was."""
    with proxied() as (edge, _, _):
        edge.add_toxic("slow_accept", name="late", attributes={"delay": HOUR})
        with connect(edge) as client:
            client.sendall(b"ping")
            assert eventually(lambda: edge.record().touched["late"])
            edge.remove_toxic("late")

            assert client.recv(10) == b"ping"


def test_several_are_all_waited_for():
    """The last one decides; taking one off lets in only who waits for no other."""
    with proxied() as (edge, _, _):
        for name in ("a", "b"):
            edge.add_toxic("slow_accept", name=name, attributes={"delay": HOUR})
        with connect(edge) as client:
            client.sendall(b"ping")
            assert eventually(lambda: edge.record().touched == {"a": 1, "b": 1})
            edge.remove_toxic("a")
            still = edge.record().forwarded
            edge.update_toxic("b", attributes={"delay": 1})

            assert (still, client.recv(10)) == (0, b"ping")


def test_open_connections_are_not_concerned():
    """Nor are those that its toxicity spares."""
    with proxied() as (edge, _, _), connect(edge) as client:
        ask(client)
        edge.add_toxic("slow_accept", name="late", attributes={"delay": HOUR})
        edge.add_toxic("slow_accept", name="spares", toxicity=0.0, attributes={"delay": HOUR})
        assert ask(client) == b"ping"
        edge.update_toxic("late", toxicity=0.0)
        with connect(edge) as other:
            assert ask(other) == b"ping"

        assert edge.connections().connections[1].decided == {"late": False, "spares": False}


def test_client_that_leaves_while_it_waits_leaves_nothing():
    """Nothing is dialled for it once it was cut off."""
    with proxied() as (edge, upstream, _):
        edge.add_toxic("slow_accept", name="late", attributes={"delay": HOUR})
        with connect(edge):
            assert eventually(lambda: edge.record().open)
            edge.disable()
        assert eventually(lambda: edge.record().open == 0)

        assert (upstream.accepted, edge.record().forwarded) == (0, 0)
