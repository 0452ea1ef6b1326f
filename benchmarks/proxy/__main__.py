"""The command: measure, print, write `benchmarks/out/proxy.json`."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import machine, versions, write
from benchmarks.proxy import bandwidth, bulk, connects, creation, idle, latency, paced, roundtrip, startup
from benchmarks.proxy.bench import Bench, Effort, standing
from benchmarks.proxy.result import Table, heading
from benchmarks.proxy.targets import toxiproxy_version
from benchmarks.proxy.wire import allow_many_sockets

MEASUREMENTS: Mapping[str, Callable[[Bench], Table]] = {
    "paced": paced.run,
    "roundtrip": roundtrip.run,
    "bulk": bulk.run,
    "connects": connects.run,
    "startup": startup.run,
    "creation": creation.run,
    "idle": idle.run,
    "latency": latency.run,
    "bandwidth": bandwidth.run,
}
"""What a user feels comes first."""

DESCRIPTION = """\
The embedded proxy beside the real Toxiproxy and beside a direct connection: `windtunnel proxy` in a process of its
own, and EmbeddedToxiproxy in a thread of a test process. They take turns, round by round; a ratio compares ours with
Toxiproxy in the same round, so other work on the machine hits both."""
EPILOG = """\
Columns: the median of the rounds for each, then ratios to Toxiproxy: median (lower-upper quartile), below 1 is less.
`met` or `MISSED` is said of both of ours together. Every round is in the JSON.

The client is on one core, the upstream on the next, the proxies wherever the system puts them.
`make toxiproxy` builds the real one; without it the table has no ratios."""


def main() -> None:
    """Measure what is asked for."""
    options = arguments()
    effort = Effort(rounds=15, seconds=0.3, few=5, full=True)
    if options.quick:
        effort = Effort(rounds=3, seconds=0.1, few=2, full=False)
    if options.rounds:
        effort = replace(effort, rounds=options.rounds, few=min(options.rounds, effort.few))
    if options.seconds:
        effort = replace(effort, seconds=options.seconds)
    allow_many_sockets()
    about = machine()
    with standing(effort) as bench:
        columns = [target.name for target in bench.targets]
        if toxiproxy_version() is None:
            print("no Toxiproxy here, so no ratios: make toxiproxy builds it")
        print(heading(columns))
        tables = []
        for name in options.only or MEASUREMENTS:
            tables.append(MEASUREMENTS[name](bench))
            tables[-1].show(columns)
    result = {
        "machine": about | {"load_at_end": round(os.getloadavg()[0], 2)},
        "versions": versions("windtunnel", "uvloop") | {"toxiproxy": toxiproxy_version()},
        "effort": vars(effort),
        "tables": {table.name: {"title": table.title, "rows": [row.data() for row in table.rows]} for table in tables},
    }
    print(f"\n{write('proxy', result) if options.out is None else write_to(options.out, result)}")


def write_to(path: Path, result: object) -> Path:
    """To a file of the caller's choice."""
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.proxy",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="under a minute: fewer, shorter rounds and fewer sizes")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--rounds", type=_positive(int), metavar="N", help="rounds (15; of what takes long: at most 5)")
    parser.add_argument("--seconds", type=_positive(float), metavar="S", help="length of one sample (0.3)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the JSON goes (benchmarks/out/proxy.json)")
    return parser.parse_args()


def _positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        with suppress(ValueError):
            if (value := kind(text)) > 0:
                return value
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")

    return read


if __name__ == "__main__":
    main()
