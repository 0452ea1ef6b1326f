"""Timing of the latency toxic: never early, and how late."""

from __future__ import annotations

import select
import time

from benchmarks.proxy.bench import Bench
from benchmarks.proxy.result import Goal, Row, Table, percentile
from benchmarks.proxy.targets import DIRECT
from benchmarks.proxy.wire import REQUEST, connect, read_answer

CONNECTIONS = 20


def sample(address: str, latency: int, exchanges: int, waiting_address: str = "") -> list[float]:
    """How many ms later than the latency each answer came (negative: too early).

    With a `waiting_address` it is the upstream there that waits.
    """
    question = b"%d\n" % latency if address == waiting_address else REQUEST
    socks = {sock.fileno(): sock for sock in (connect(address) for _ in range(CONNECTIONS))}
    waiting = select.epoll()
    sent: dict[int, float] = {}
    late: list[float] = []
    for number, sock in socks.items():
        waiting.register(number, select.EPOLLIN)
        time.sleep(max(latency, 1) / 1000 / CONNECTIONS)  # spread, so that they do not all come due at once
        sent[number] = time.perf_counter()
        sock.send(question)
    left = exchanges
    while sent:
        for number, _ in waiting.poll(60):
            read_answer(socks[number])
            now = time.perf_counter()
            late.append((now - sent.pop(number)) * 1000 - latency)
            if left > 0:
                left -= 1
                sent[number] = now
                socks[number].send(question)
    for sock in socks.values():
        sock.close()
    waiting.close()
    return late[CONNECTIONS // 2 :]  # the first ones were read late, while others were still being sent


def run(bench: Bench) -> Table:
    """0 to 1000 ms, towards the client. `direct` is an upstream that waits so long by a plain timer."""
    rows = []
    waits = bench.upstream.hello["waiting"]
    for latency in (0, 10, 100, 300, 1000) if bench.effort.full else (0, 10, 100):
        addresses = {DIRECT: waits} | bench.small([("latency", "downstream")], latency=latency)
        exchanges = int(min(2000 / max(latency, 10), 100) * CONNECTIONS * min(bench.effort.seconds * 4, 1))
        question = {"latency": latency, "exchanges": exchanges, "waiting_address": waits}
        samples = bench.sampled(addresses, "latency", bench.effort.few, **question)
        pooled = {name: [each for late in lists for each in late] for name, lists in samples.items()}
        early = {name: [min(late)] for name, late in pooled.items()}
        p99 = {name: [percentile(late, 0.99)] for name, late in pooled.items()}
        middle = {name: [percentile(late, 0.5)] for name, late in pooled.items()}
        case = f"{latency} ms"
        absolute = {"unit": "ms", "digits": 2}
        rows += [
            Row(case=f"{case}, earliest", values=early, goal=Goal(least=-1, ratio=False), **absolute),  # type: ignore[arg-type]
            Row(case=f"{case}, late p50", values=middle, goal=None, **absolute),  # type: ignore[arg-type]
            Row(case=f"{case}, late p99", values=p99, goal=Goal(most=5, ratio=False), **absolute),  # type: ignore[arg-type]
        ]
    return Table(
        "latency",
        "Latency toxic: how much later than asked for (all rounds together; direct: an upstream's plain timer)",
        rows,
    )
