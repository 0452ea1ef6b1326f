"""How long a start takes: from the command, or the call, to the first answer of the API."""

from __future__ import annotations

from benchmarks.proxy.bench import Bench, in_turns
from benchmarks.proxy.result import Row, Table
from benchmarks.proxy.targets import proxies


def run(bench: Bench) -> Table:
    """Each is started, asked, and ended."""
    kinds = {kind.name: kind for kind in proxies()}

    def once(name: str) -> float:
        server = kinds[name]()  # type: ignore[call-arg]
        server.close()
        return server.start_ms

    values = in_turns(list(kinds), bench.effort.few, once)
    rows = [Row(case="until the API answers", unit="ms", values=values, digits=1)]
    return Table("startup", "Start (in a thread: of a Python process that runs already)", rows)
