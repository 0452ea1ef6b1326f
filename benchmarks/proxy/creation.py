"""How long it takes to create many proxies, one call each."""

from __future__ import annotations

import http.client
import json
import time

from benchmarks.proxy.bench import Bench, in_turns
from benchmarks.proxy.result import Row, Table
from benchmarks.proxy.wire import PATIENCE


def sample(address: str, count: int) -> float:
    """Milliseconds for `count` calls on one connection; the proxies are deleted again, uncounted."""
    control = http.client.HTTPConnection(address, timeout=PATIENCE)
    began = time.perf_counter()
    for number in range(count):
        body = {"name": f"many{number}", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
        _call(control, "POST", "/proxies", json.dumps(body))
    took = (time.perf_counter() - began) * 1000
    for number in range(count):
        _call(control, "DELETE", f"/proxies/many{number}")
    control.close()
    return took


def run(bench: Bench) -> Table:
    """100 and 1,000 of them."""
    controls = {server.name: server.control for server in bench.servers}
    rows = []
    for count in (100, 1000) if bench.effort.full else (100,):

        def once(name: str, number: int = count) -> float:
            return float(bench.ask("creation", address=controls[name], count=number))

        values = in_turns(list(controls), bench.effort.few, once)
        rows.append(Row(case=f"{count:,} proxies", unit="ms", values=values))
    return Table("creation", "Proxies created, one call each", rows)


def _call(control: http.client.HTTPConnection, method: str, path: str, body: str | None = None) -> None:
    control.request(method, path, body)
    answer = control.getresponse()
    said = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {said[:200]!r}")
