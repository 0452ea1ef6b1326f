"""slicer: pieces of about the size that was asked for, in order, none lost, one after the other."""

import pytest
from proxy_wires import connect, proxied, read_exactly
from toxic_bench import Bench

BLOB = bytes(range(250)) * 40


def test_pieces_are_the_halves_that_toxiproxy_makes():
    """100 bytes around 30 without variation: halved until none is larger."""
    bench = Bench("slicer", average_size=30)
    bench.toxic.data(BLOB[:100])
    bench.run()

    assert bench.chunks == [BLOB[start : start + 25] for start in (0, 25, 50, 75)]


@pytest.mark.parametrize(("average", "variation"), [(1, 0), (7, 3), (100, 99), (1000, 2**62), (10, 10), (5, -5)])
def test_every_byte_arrives_in_order_in_pieces_within_the_limit(average, variation):
    """Whatever the variation is; Toxiproxy's server dies of one above the average (#541)."""
    bench = Bench("slicer", average_size=average, size_variation=variation)
    bench.toxic.data(BLOB)
    bench.toxic.eof()
    bench.run()

    assert (bench.joined, bench.chunks[-1]) == (BLOB, None)
    assert 0 < min(map(len, bench.chunks[:-1])) <= max(map(len, bench.chunks[:-1])) <= average + max(variation, 0)


@pytest.mark.parametrize("average", [0, -1, -(2**63)])
def test_without_a_size_nothing_is_cut(average):
    """Toxiproxy's server overflows its stack here."""
    bench = Bench("slicer", average_size=average)
    bench.toxic.data(BLOB)

    assert (bench.chunks, bench.touches) == ([BLOB], 0)


def test_each_piece_leaves_the_delay_after_the_one_before():
    """Never earlier, the next chunk and the end included."""
    bench = Bench("slicer", average_size=25, delay=2000)
    bench.toxic.data(BLOB[:100])
    bench.toxic.data(b"more")
    bench.toxic.eof()
    bench.run(1)

    assert [time for time, _ in bench.out] == pytest.approx([0, 0.002, 0.004, 0.006, 0.008, 0.01])
    assert bench.chunks[-2:] == [b"more", None]


def test_pieces_without_delay_leave_one_per_turn():
    """Else the socket would join them again."""
    bench = Bench("slicer", average_size=50)
    bench.toxic.data(BLOB[:100])
    at_once = list(bench.chunks)
    bench.run()

    assert (at_once, bench.chunks) == ([BLOB[:50]], [BLOB[:50], BLOB[50:100]])


def test_removal_lets_the_rest_go_uncut_and_at_once():
    """In order, the end after it."""
    bench = Bench("slicer", average_size=25, delay=10**12)
    bench.toxic.data(BLOB[:100])
    bench.toxic.data(b"more")
    bench.toxic.eof()
    bench.toxic.remove()

    assert bench.chunks == [BLOB[:25], BLOB[25:100], b"more", None]
    assert bench.waiting == 0


def test_update_ends_a_wait_of_the_old_delay():
    """What is held follows the new attributes."""
    bench = Bench("slicer", average_size=50, delay=10**12)
    bench.toxic.data(BLOB[:100])
    bench.update(average_size=10)
    bench.run()

    assert (bench.joined, bench.waiting) == (BLOB[:100], 0)


def test_source_is_paused_while_much_is_held():
    """Back-pressure, and none left when it is gone."""
    bench = Bench("slicer", average_size=100_000, delay=1000)
    for _ in range(4):
        bench.toxic.data(bytes(100_000))
    full = bench.toxic.full
    bench.run(1)

    assert (full, bench.toxic.full) == (True, False)


def test_same_seed_cuts_at_the_same_places():
    """Chance belongs to the link."""
    cuts = []
    for _ in range(2):
        bench = Bench("slicer", average_size=40, size_variation=20)
        bench.toxic.data(BLOB)
        bench.run()
        cuts.append([len(chunk) for chunk in bench.chunks])

    assert cuts[0] == cuts[1]
    assert len(set(cuts[0])) > 3


@pytest.mark.parametrize("loop", ["preferred", "asyncio"])
def test_reader_really_gets_pieces(loop):
    """On sockets: what one read gives is a piece, not the whole."""
    with proxied(loop=loop) as (edge, _, _), connect(edge) as client:
        edge.add_toxic("slicer", name="s", attributes={"average_size": 500, "delay": 20_000})
        client.sendall(BLOB[:1000])
        first = client.recv(1000)
        rest = read_exactly(client, 1000 - len(first))

        assert first + rest == BLOB[:1000]
        assert len(first) < 1000
        assert edge.record().touched == {"s": 1}
