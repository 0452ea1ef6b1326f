"""shared_bandwidth: one rate for the whole proxy (#613), fairly shared, nothing lost, nothing too early."""

import threading

import pytest
from proxy_wires import connect, eventually, proxied, read_exactly, seconds
from toxic_bench import Bench


def crowd(count, rate):
    """Benches of one toxic on so many links."""
    first = Bench("shared_bandwidth", rate=rate)
    return [first, *(Bench("shared_bandwidth", beside=first, rate=rate) for _ in range(count - 1))]


def passed(bench):
    return len(bench.joined)


def test_one_connection_has_the_whole_line():
    """100 KB/s: 50 kB in half a second, not sooner."""
    (bench,) = crowd(1, rate=100)
    bench.toxic.data(bytes(50_000))
    bench.run(0.49)
    early = passed(bench)
    bench.run(0.02)

    assert (0.9 * 49_000 <= early <= 49_000, passed(bench)) == (True, 50_000)


def test_busy_connections_get_the_same_share_whatever_they_hold():
    """A big sender cannot crowd out a small one."""
    big, small, third = benches = crowd(3, rate=300)
    for bench, size in ((big, 1_000_000), (small, 50_000), (third, 1_000_000)):
        bench.toxic.data(bytes(size))
    big.run(0.3)

    assert [passed(bench) for bench in benches] == pytest.approx([30_000] * 3, abs=3000)


def test_what_an_idle_connection_leaves_is_for_the_others():
    """The line is never idle while somebody waits."""
    busy, idle = crowd(2, rate=100)
    idle.toxic.data(bytes(1000))
    busy.toxic.data(bytes(99_000))
    busy.run(1.01)

    assert (passed(busy), passed(idle)) == (99_000, 1000)


def test_unused_time_is_not_saved_up():
    """After a quiet minute the rate is the rate."""
    (bench,) = crowd(1, rate=100)
    bench.run(60)
    bench.toxic.data(bytes(50_000))
    bench.run(0.1)

    assert passed(bench) <= 10_000


def test_order_and_end_are_kept():
    """The end comes after the last byte."""
    (bench,) = crowd(1, rate=1000)
    for number in range(20):
        bench.toxic.data(b"%03d" % number * 400)
    bench.toxic.eof()
    bench.run(1)

    assert bench.joined == b"".join(b"%03d" % number * 400 for number in range(20))
    assert (bench.chunks[-1], bench.chunks.count(None)) == (None, 1)


def test_end_without_data_does_not_wait():
    """There is nothing to limit."""
    one, other = crowd(2, rate=1)
    other.toxic.data(bytes(1000))
    one.toxic.eof()

    assert one.chunks == [None]


@pytest.mark.parametrize("rate", [0, -5, -(2**63)])
def test_rate_of_nothing_lets_nothing_pass_and_a_later_rate_makes_up_for_nothing(rate):
    """The hour without a rate is not saved up."""
    one, other = crowd(2, rate=rate)
    one.toxic.data(bytes(30_000))
    other.toxic.data(bytes(30_000))
    one.run(3600)
    nothing = passed(one) + passed(other)
    for bench in (one, other):
        bench.update(rate=100)
    one.run(0.1)

    assert nothing == 0
    assert 0.8 * 10_000 <= passed(one) + passed(other) <= 10_000


def test_connection_that_ends_gives_its_turn_away():
    """Its held bytes are dropped, no timer of it stays."""
    one, other = crowd(2, rate=100)
    one.toxic.data(bytes(30_000))
    other.toxic.data(bytes(10_000))
    one.toxic.stop()
    other.run(0.101)

    assert (passed(one), passed(other), other.waiting) == (0, 10_000, 0)


def test_removal_lets_everything_go_at_once():
    """In order, the end after it."""
    one, other = crowd(2, rate=1)
    one.toxic.data(b"held")
    one.toxic.eof()
    other.toxic.data(b"too")
    for bench in (one, other):
        bench.toxic.remove()

    assert (one.chunks, other.chunks, one.waiting) == ([b"held", None], [b"too"], 0)


def test_source_is_paused_while_much_is_held():
    """Back-pressure."""
    (bench,) = crowd(1, rate=100)
    bench.toxic.data(bytes(100_000))
    full = bench.toxic.full
    bench.run(2)

    assert (full, bench.toxic.full) == (True, False)


def test_four_connections_together_get_the_rate_and_undo_is_at_once():
    """On sockets: 4 x 100 kB at 1000 KB/s is not there before 0.4 s; without the toxic nothing is limited."""
    blob = bytes(100_000)
    with proxied() as (edge, _, _):
        edge.add_toxic("shared_bandwidth", name="line", attributes={"rate": 1000})
        clients = [connect(edge) for _ in range(4)]

        def fetch():
            senders = [threading.Thread(target=client.sendall, args=(blob,)) for client in clients]
            for sender in senders:
                sender.start()
            received = [read_exactly(client, len(blob)) for client in clients]
            for sender in senders:
                sender.join()
            return received

        received, took = seconds(fetch)
        touched = edge.record().touched["line"]
        edge.update_toxic("line", attributes={"rate": 0})
        clients[0].sendall(b"held")
        assert eventually(lambda: edge.record().bytes_up == 400_004)
        edge.remove_toxic("line")
        freed = clients[0].recv(10)
        for client in clients:
            client.close()

    assert received == [blob] * 4
    assert took >= 0.398
    assert (touched, freed) == (4, b"held")
