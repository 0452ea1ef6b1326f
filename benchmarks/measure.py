"""Interleaved timing: every case in every round, so that a slow moment of the machine hits all of them alike."""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

Case = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Microseconds for one call."""

    floor: float
    """The least of the rounds: what the code costs when nobody disturbs it."""
    median: float


def interleaved(
    cases: Mapping[str, Case], *, calls: int, rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Timing]:
    """Times each case in each round, `calls` calls at a time, in another order each round."""
    seen: dict[str, list[float]] = {name: [] for name in cases}
    order = list(cases)
    was_on = gc.isenabled()
    gc.disable()
    try:
        for case in cases.values():
            _time(case, calls, clock)  # warm up
        for number in range(rounds):
            shift = number % len(order)
            for name in order[shift:] + order[:shift]:
                seen[name].append(_time(cases[name], calls, clock))
            gc.collect()
    finally:
        if was_on:
            gc.enable()
    return {name: Timing(min(values), statistics.median(values)) for name, values in seen.items()}


def _time(case: Case, calls: int, clock: Callable[[], float]) -> float:
    steps = range(calls)
    began = clock()
    for _ in steps:
        case()
    return (clock() - began) / calls * 1e6


def machine() -> dict[str, object]:
    """Where the figures are from."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return {
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.release()}",
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def versions(*packages: str) -> dict[str, str]:
    """Of what was compared."""
    return {package: version(package) for package in packages}


def write(name: str, result: object, path: Path | None = None) -> Path:
    """To `benchmarks/out/<name>.json`, or to the file that the caller names."""
    path = path or Path(__file__).parent / "out" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path
