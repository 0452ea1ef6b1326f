"""The command `windtunnel fuzz`: what would be fuzzed, and the table of edges that says so."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windtunnel.fuzz.edge_table import Uses


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add it to the command line."""
    fuzz = commands.add_parser(
        "fuzz",
        help="list what is fuzzed, or find out which edges each operation uses",
        description="What is fuzzed of a system, from its topology's `fuzz:`. The requests are sent by pytest: "
        "pytest -m fuzz.",
    )
    what = fuzz.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true", help="every operation, and each condition in which it is fuzzed")
    what.add_argument(
        "--discover",
        action="store_true",
        help="stand the system up, send each operation one valid request, and write the edges that it used into the "
        "table that `edges:` of the plan names",
    )
    fuzz.add_argument("--topology", type=Path, default=Path("platform/topology.yaml"), metavar="FILE")
    fuzz.add_argument("--wt-profile", default="ci", metavar="NAME", help="how many walks are listed (default: ci)")
    fuzz.add_argument("--wt-seed", type=int, default=0, metavar="N", help="the walks of that seed (default: 0)")
    fuzz.add_argument("--wt-backend", choices=("auto", "process", "docker", "external"), default="process")
    fuzz.add_argument("--wt-proxy", choices=("auto", "embedded", "toxiproxy"), default="auto")
    fuzz.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Raises `BadInputError` for a mistake in a file, `WindtunnelError` when the system cannot be asked."""
    return _list(options) if options.list else _discover(options)


def _list(options: argparse.Namespace) -> int:
    from windtunnel.fuzz.suite import read_suite
    from windtunnel.report.words import number
    from windtunnel.topology import read_topology

    suite = read_suite(read_topology(options.topology), options.wt_seed)
    for group in (suite.cells, suite.found, suite.chains, suite.walks(options.wt_profile)):
        print("\n".join(entry.id for entry in group))
    counts = {"operation": len(suite.operations), "cell": len(suite.cells), "found case": len(suite.found)}
    counts |= {"link": len(suite.links), "chain": len(suite.chains), "walk": len(suite.walks(options.wt_profile))}
    print(", ".join(number(count, noun) for noun, count in counts.items()))
    for operation, reason in suite.left_out.items():
        print(f"left out: {operation}: {reason}")
    return 0


def _discover(options: argparse.Namespace) -> int:
    from windtunnel.fuzz.discovery import discover
    from windtunnel.fuzz.edge_table import write_table
    from windtunnel.fuzz.suite import read_operations
    from windtunnel.settings import Settings
    from windtunnel.stack.backends import choose
    from windtunnel.topology import read_topology
    from windtunnel.tunnel import Tunnel

    topology = read_topology(options.topology)
    plan, operations = read_operations(topology)
    choice = choose(options.wt_backend, options.wt_proxy, topology)
    tunnel = Tunnel(
        Settings(topology=options.topology, out=Path(), backend=choice.backend, proxy=choice.proxy)
    )  # nothing is written to `out`
    uses: dict[str, Uses] = {}
    try:
        for operation, used in discover(tunnel, plan, operations):
            uses[operation.name] = used
            print(f"{operation.name}: {_words(used)}", flush=True)
    finally:
        tunnel.close()
    write_table(plan.edges, uses)
    print(f"written: {plan.edges}")
    return 0


def _words(used: Mapping[str, tuple[str, ...]]) -> str:
    edges = [f"{edge} ({', '.join(calls)})" if calls else edge for edge, calls in used.items()]
    return "; ".join(edges) or "asks nobody"
