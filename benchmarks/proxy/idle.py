"""Memory: what a fresh server takes, and what idle connections add to it."""

from __future__ import annotations

import socket

from benchmarks.proxy.bench import Bench, in_turns
from benchmarks.proxy.result import Row, Table
from benchmarks.proxy.targets import proxies
from benchmarks.proxy.wire import connect, exchange

_open: list[socket.socket] = []


def sample(address: str, connections: int) -> int:
    """Open so many, one exchange on each, and keep them; 0 closes all. How many are open."""
    for sock in _open:
        sock.close()
    _open.clear()
    for _ in range(connections):
        _open.append(connect(address))
        exchange(_open[-1])
    return len(_open)


def run(bench: Bench) -> Table:
    """Fresh servers, so that nothing measured before counts."""
    kinds = {kind.name: kind for kind in proxies()}
    connections = 1000 if bench.effort.full else 100
    empty: dict[str, list[float]] = {name: [] for name in kinds}

    def once(name: str) -> float:
        server = kinds[name]()  # type: ignore[call-arg]
        address = server.lead(bench.upstream.hello["small"])
        before = server.rss()
        bench.ask("idle", address=address, connections=connections)
        after = server.rss()
        bench.ask("idle", address=address, connections=0)
        server.close()
        empty[name].append(before / 1e6)
        return after / 1e6

    full = in_turns(list(kinds), bench.effort.few, once)
    each = {name: [(b - a) * 1e3 / connections for a, b in zip(empty[name], full[name], strict=True)] for name in kinds}
    rows = [
        Row(case="fresh", unit="MB", values=empty, digits=1),
        Row(case=f"with {connections:,} idle connections", unit="MB", values=full, digits=1),
        Row(case="for each connection", unit="kB", values=each, digits=1),
    ]
    return Table("idle", "Memory (RSS)", rows)
