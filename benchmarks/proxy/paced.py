"""What a user feels: how much later an answer comes at the rate a suite runs at, 200 small requests a second."""

from __future__ import annotations

import time

from benchmarks.proxy.bench import Bench, field
from benchmarks.proxy.result import Goal, Row, Table, Values, percentile
from benchmarks.proxy.targets import DIRECT
from benchmarks.proxy.wire import connect, exchange

RATE = 200


def sample(address: str, seconds: float, fresh: bool) -> dict[str, float]:
    """p50 and p99 in µs of a request every 5 ms, over one connection, or over a new one each (`fresh`)."""
    times = []
    kept = connect(address)
    exchange(kept)
    due = time.perf_counter()
    for _ in range(max(int(seconds * RATE), 20)):
        due += 1 / RATE
        time.sleep(max(due - time.perf_counter(), 0))
        began = time.perf_counter()
        sock = connect(address) if fresh else kept
        exchange(sock)
        times.append((time.perf_counter() - began) * 1e6)
        if fresh:
            sock.close()
    kept.close()
    return {"p50": percentile(times, 0.5), "p99": percentile(times, 0.99)}


def added(values: Values) -> Values:
    """Over the direct connection, round by round."""
    return {
        name: [through - direct for through, direct in zip(figures, values[DIRECT], strict=True)]
        for name, figures in values.items()
        if name != DIRECT
    }


def run(bench: Bench) -> Table:
    """Kept and fresh connections."""
    rows = []
    addresses = bench.small()
    for fresh, what in ((False, "kept connection"), (True, "new connection each")):
        seconds = max(bench.effort.seconds * 5, 0.1)
        samples = bench.sampled(addresses, "paced", bench.effort.rounds, seconds=seconds, fresh=fresh)
        for key in ("p50", "p99"):
            values = field(samples, key)
            goal = Goal(most=1) if key == "p50" else None
            rows.append(Row(case=f"{what}, added {key}", unit="µs", values=added(values), goal=goal))
            rows.append(Row(case=f"{what}, whole {key}", unit="µs", values=values, printed=False))
    return Table("paced", f"What the proxy adds at {RATE} requests a second (over the direct connection)", rows)
