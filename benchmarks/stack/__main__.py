"""The command: measure, print, write `benchmarks/out/stack.json`.

Every case stands each system up and takes it down in every round, in another order each round. Before, all of them do
so once with the first system, which does not count. Images are made, or fetched, before anything is timed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence

from benchmarks.measure import machine, versions, write
from benchmarks.proxy.bench import in_turns
from benchmarks.stack.arguments import arguments
from benchmarks.stack.compose import Compose, find_compose
from benchmarks.stack.ours import Ours
from benchmarks.stack.result import GONE_WITHIN, READY_WITHIN, Result, heading
from benchmarks.stack.sample import BenchError, Case
from benchmarks.stack.systems import echo, storefront

from windtunnel.errors import BackendError
from windtunnel.stack.engine import connect
from windtunnel.stack.images import ensure_images, wanted_images
from windtunnel.stack.process import ProcessBackend
from windtunnel.topology import Topology
from windtunnel.undo.engine import Engine, EngineError, engine_url

PATIENCE = 300.0
"""Seconds until a system of ours must stand: the question is how long it takes, not whether it is soon enough."""


def main() -> None:
    """Rounds of all cases, system by system; the results so far are on disk after each."""
    options = arguments()
    try:
        systems = list(_systems(options.only, options.sizes))
        cases = _cases(options.cases, systems, options.grace)
        _measure(systems, cases, options)
    except (BenchError, BackendError, EngineError) as error:
        sys.exit(f"bench-stack: {error}")


def _measure(systems: Sequence[Topology], cases: Sequence[Case], options: argparse.Namespace) -> None:
    about, results = machine() | _engine(cases), list[Result]()
    for case in cases:
        case.once(systems[0])
    print(heading(), flush=True)
    for topology in systems:
        by_name = {case.name: case for case in cases}

        def once(name: str, by: dict[str, Case] = by_name, system: Topology = topology) -> object:
            return by[name].once(system)

        samples = in_turns(list(by_name), options.rounds, once)
        edges = sum(topology.has_edge(link, "process") for link in topology.links.values())
        results.append(Result(system=topology.name, services=len(topology.instances), edges=edges, samples=samples))
        print("\n".join(results[-1].lines()), flush=True)
        written = {
            "machine": about | {"load_at_end": round(os.getloadavg()[0], 2)},
            "versions": versions("windtunnel", "docker", "testcontainers"),
            "rounds": options.rounds,
            "goals": {"ready_within_s": READY_WITHIN, "gone_within_s": GONE_WITHIN},
            "systems": [result.data() for result in results],
        }
        path = write("stack", written, options.out)
    print(path)


def _cases(names: Sequence[str], systems: Sequence[Topology], grace: int | None) -> list[Case]:
    """Those that this machine can run; what it cannot is said."""
    found: list[Case] = []
    if "process" in names:
        found.append(Ours("process", ProcessBackend(patience=PATIENCE), in_engine=False))
    if {"docker", "compose"} & set(names):
        found += _in_engine(names, systems, grace)
    if not found:
        raise BenchError("nothing is left to measure")
    return found


def _in_engine(names: Sequence[str], systems: Sequence[Topology], grace: int | None) -> Iterator[Case]:
    try:
        engine = Engine(engine_url())
        print(f"engine {engine.version()}", flush=True)
    except EngineError as error:
        print(f"docker and compose are left out: {error}", flush=True)
        return
    from windtunnel.stack.docker import DockerBackend

    wanted = {image.name: image for topology in systems for image in wanted_images(topology)}
    ensure_images(list(wanted.values()), engine, connect().client, lambda line: print(line, flush=True))
    if "docker" in names:
        yield Ours("docker", DockerBackend(patience=PATIENCE), in_engine=True)
    if "compose" in names:
        compose = find_compose(grace=grace)
        if compose is None:
            print("there is no compose on this machine: no ratios (WINDTUNNEL_COMPOSE names one)", flush=True)
            return
        waits = "" if compose.waits else ", which has no --wait: services are asked through their ports alone"
        print(f"compose {compose.version}{waits}", flush=True)
        yield compose


def _engine(cases: Sequence[Case]) -> dict[str, object]:
    told = {case.name: case.version for case in cases if isinstance(case, Compose)}
    inside = any(case.name != "process" for case in cases)
    return {**told, **({"engine": Engine(engine_url()).version()} if inside else {})}


def _systems(only: str | None, sizes: Sequence[int]) -> Iterator[Topology]:
    if only != "echo":
        yield storefront()
    if only != "storefront":
        yield from map(echo, sizes)


if __name__ == "__main__":
    main()
