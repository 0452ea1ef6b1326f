"""Timing of the bandwidth toxic: how far the rate is from the one asked for."""

from __future__ import annotations

import time

from benchmarks.proxy.bench import Bench
from benchmarks.proxy.result import Goal, Row, Table
from benchmarks.proxy.wire import connect


def sample(address: str, size: int) -> float:
    """Bytes a second, from the request to the last byte."""
    buffer = bytearray(256 * 1024)
    with connect(address) as sock:
        began = time.perf_counter()
        sock.send(b"%d\n" % size)
        left = size
        while left:
            count = sock.recv_into(buffer)
            if not count:
                raise ConnectionError(f"the stream ended {left} bytes early")
            left -= count
        return size / (time.perf_counter() - began)


def run(bench: Bench) -> Table:
    """100 KB/s to 100 MB/s, about a second each."""
    rows = []
    for rate in (100, 1000, 10_000, 100_000) if bench.effort.full else (1000, 10_000):
        addresses = bench.bulk([("bandwidth", "downstream")], rate=rate)
        size = int(rate * 1000 * min(bench.effort.seconds * 4, 1))
        samples = bench.sampled(addresses, "bandwidth", bench.effort.few, size=size)
        error = {name: [(got / (rate * 1000) - 1) * 100 for got in values] for name, values in samples.items()}
        goal = Goal(least=-2, most=2, ratio=False)
        rows.append(Row(case=f"{rate:,} KB/s", unit="%", values=error, goal=goal, digits=2))
    return Table("bandwidth", "Bandwidth toxic: rate above (+) or below (-) the one asked for", rows)
