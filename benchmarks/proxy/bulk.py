"""Bulk throughput: as many bytes as the proxy carries from the upstream to clients that read at once."""

from __future__ import annotations

import select
import time

from benchmarks.proxy.bench import Bench, cpu_each, field
from benchmarks.proxy.result import Goal, Row, Table
from benchmarks.proxy.wire import connect

SIZE = 256
"""MB for a sample of one second."""


def sample(address: str, connections: int, megabytes: float) -> dict[str, float]:
    """MB/s over all connections, from the first request to the last byte."""
    each = max(int(megabytes * 1e6) // connections, 1)
    socks = {sock.fileno(): sock for sock in (connect(address) for _ in range(connections))}
    left = dict.fromkeys(socks, each)
    waiting = select.epoll()
    buffer = bytearray(256 * 1024)
    began = time.perf_counter()
    for number, sock in socks.items():
        waiting.register(number, select.EPOLLIN)
        sock.send(b"%d\n" % each)
    while left:
        for number, _ in waiting.poll(60):
            count = socks[number].recv_into(buffer)
            if not count:
                raise ConnectionError(f"the stream ended {left[number]} bytes early")
            left[number] -= count
            if not left[number]:
                del left[number]
    took = time.perf_counter() - began
    for sock in socks.values():
        sock.close()
    waiting.close()
    return {"rate": each * connections / took / 1e6, "count": each * connections / 1e6}


def run(bench: Bench) -> Table:
    """No toxic, at 1, 16 and 128 connections."""
    addresses, rows = bench.bulk(), []
    for connections in (1, 16, 128):
        rounds = bench.effort.rounds if connections < 128 else bench.effort.few
        question = {"connections": connections, "megabytes": bench.effort.seconds * SIZE}
        samples = bench.sampled(addresses, "bulk", rounds, **question)
        values = field(samples, "rate")
        goal = Goal(least=1) if connections < 128 else None
        rows.append(Row(case=f"no toxic, {connections} conn.", unit="MB/s", values=values, goal=goal))
        rows.append(Row(case="    CPU for a MB", unit="µs", values=cpu_each(samples)))
    return Table("bulk", "Bulk throughput, upstream to client", rows)
