"""Round-trip time of a small HTTP exchange while every connection asks again at once."""

from __future__ import annotations

import select
import time

from benchmarks.proxy.bench import Addresses, Bench, cpu_each, field
from benchmarks.proxy.result import Goal, Row, Table, percentile
from benchmarks.proxy.targets import TOXIPROXY
from benchmarks.proxy.wire import REQUEST, connect, exchange, read_answer

BOTH_WAYS = [("latency", "downstream"), ("latency", "upstream")]


def sample(address: str, connections: int, seconds: float) -> dict[str, float]:
    """p50 and p99 in µs, and exchanges a second."""
    socks = {sock.fileno(): sock for sock in (connect(address) for _ in range(connections))}
    waiting = select.epoll()
    for number, sock in socks.items():
        exchange(sock)
        waiting.register(number, select.EPOLLIN)
    times = []
    began = now = time.perf_counter()
    sent = dict.fromkeys(socks, began)
    for sock in socks.values():
        sock.send(REQUEST)
    while now < began + seconds:
        for number, _ in waiting.poll(60):
            sock = socks[number]
            read_answer(sock)
            now = time.perf_counter()
            times.append((now - sent[number]) * 1e6)
            sent[number] = now
            sock.send(REQUEST)
    for sock in socks.values():
        read_answer(sock)
        sock.close()
    waiting.close()
    return {
        "p50": percentile(times, 0.5),
        "p99": percentile(times, 0.99),
        "count": len(times),
        "rate": len(times) / (now - began),
    }


def run(bench: Bench) -> Table:
    """No toxic, one, two, and with HTTP recorded; at 1, 16 and 128 connections."""
    plain = bench.small()
    cases = {
        "no toxic": plain,
        "latency toxic of 0 ms": bench.small(BOTH_WAYS[:1], latency=0),
        "two: latency 0 ms each way": bench.small(BOTH_WAYS, latency=0),
    }
    recording = [server for server in bench.servers if server.records_http()]
    if recording:
        recorded = {server.name: server.lead(bench.upstream.hello["small"], http=True) for server in recording}
        # Toxiproxy cannot record: beside it stands what it does.
        cases["HTTP recorded (Toxiproxy: not)"] = recorded | {n: a for n, a in plain.items() if n == TOXIPROXY}
    rows: list[Row] = []
    for count in (1, 16, 128):
        for case, addresses in cases.items():
            rows += at(bench, count, case, addresses)
    return Table("roundtrip", "Round trip of a small HTTP exchange, p50; CPU of the proxy for one", rows)


def at(bench: Bench, connections: int, case: str, addresses: Addresses) -> list[Row]:
    """One case at one number of connections."""
    rounds = bench.effort.rounds if connections < 128 else bench.effort.few
    question = {"connections": connections, "seconds": bench.effort.seconds}
    samples = bench.sampled(addresses, "roundtrip", rounds, **question)
    goal = Goal(most=1) if connections < 128 else None
    title = f"{case}, {connections} conn."
    return [
        Row(case=title, unit="µs", values=field(samples, "p50"), goal=goal),
        Row(case="    CPU", unit="µs", values=cpu_each(samples)),
        Row(case=f"{title}, p99", unit="µs", values=field(samples, "p99"), printed=False),
        Row(case=f"{title}, exchanges", unit="/s", values=field(samples, "rate"), printed=False),
    ]
