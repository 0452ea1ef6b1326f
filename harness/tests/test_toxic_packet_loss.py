"""packet_loss: so many chunks are missing, in bursts if wanted; the rest and the end arrive."""

import socket
from itertools import pairwise

import pytest
from proxy_wires import ask, connect, eventually, proxied, read_all
from toxic_bench import Bench

MANY = 4000


def lost(**attributes):
    """For each of many chunks, whether it was lost."""
    bench = Bench("packet_loss", **attributes)
    for number in range(MANY):
        bench.toxic.data(b"%d" % number)
    arrived = set(bench.chunks)
    return [b"%d" % number not in arrived for number in range(MANY)]


@pytest.mark.parametrize(("rate", "share"), [(0.0, 0), (-1.0, 0), (0.25, 0.25), (1.0, 1), (7.0, 1)])
def test_share_of_lost_chunks_is_the_rate(rate, share):
    """Clamped to 0 and 1."""
    losses = lost(loss_rate=rate)

    assert sum(losses) / MANY == pytest.approx(share, abs=0.03)


def test_correlation_makes_losses_come_in_bursts():
    """After a loss the chance is rate + correlation; the chance after a chunk that arrived stays the rate."""
    losses = lost(loss_rate=0.1, correlation=0.6)
    after_loss = [now for before, now in pairwise(losses) if before]
    after_arrival = [now for before, now in pairwise(losses) if not before]

    assert sum(after_loss) / len(after_loss) == pytest.approx(0.7, abs=0.05)
    assert sum(after_arrival) / len(after_arrival) == pytest.approx(0.1, abs=0.03)


def test_correlation_alone_loses_nothing():
    """There is no first loss."""
    assert sum(lost(correlation=1.0)) == 0


def test_end_always_passes():
    """Toxiproxy's leaves the reader waiting for ever."""
    bench = Bench("packet_loss", loss_rate=1.0)
    bench.toxic.data(b"lost")
    bench.toxic.eof()

    assert bench.chunks == [None]


def test_same_seed_loses_the_same_chunks():
    """Chance belongs to the link."""
    assert lost(loss_rate=0.5) == lost(loss_rate=0.5)


def test_removal_keeps_the_connection_and_what_comes_then_arrives():
    """On sockets; the proxy says that it acted."""
    with proxied() as (edge, _, _), connect(edge) as client:
        edge.add_toxic("packet_loss", name="loss", stream="upstream", attributes={"loss_rate": 1.0})
        client.sendall(b"lost")
        assert eventually(lambda: edge.record().touched["loss"])
        edge.remove_toxic("loss")
        answer = ask(client)
        client.shutdown(socket.SHUT_WR)

        assert (answer, read_all(client)) == (b"ping", b"")


def test_attributes_are_fractions_on_the_wire():
    """Read back as they were given; an integer will do."""
    with proxied() as (edge, _, _):
        toxic = edge.add_toxic("packet_loss", name="loss", attributes={"loss_rate": 0.1, "correlation": 1})

        assert toxic.attributes == {"loss_rate": 0.1, "correlation": 1}
