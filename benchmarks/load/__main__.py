"""The command: measure, print, write `benchmarks/out/load.json`.

The generator has one core, the server another. For ours the question is at which rate 99 of 100 requests are still sent
within 10 ms of their due time; the peers are closed loops, which cannot be late: the question is how many they send.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import machine, versions, write

from windtunnel.load.driver import LoadDriver
from windtunnel.load.model import LoadPlan
from windtunnel.load.precedence import take_precedence
from windtunnel.load.shapes import Constant
from windtunnel.spec.model import MixEntry

HERE = Path(__file__).parent
CONNECTIONS = 10
LATE = 0.010
"""Seconds: lateness p99 of a rate that counts."""
TARGET = 5_000
STEP = 1.1
"""Between two rates that are tried."""
GENERATOR_CORE, SERVER_CORE = 0, 1
OURS = "windtunnel"


def main() -> None:
    """Rounds of all, in turn."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one measurement")
    options = parser.parse_args()
    for program in ("go", "wrk"):
        if shutil.which(program) is None:
            sys.exit(f"this benchmark needs {program}")
    take_precedence()  # all the others inherit what our generator takes for itself
    about, found = machine(), {name: list[float]() for name in CASES}
    with tempfile.TemporaryDirectory() as name, server(Path(name)) as url:
        for number in range(options.rounds):
            for case, measure in CASES.items():
                found[case].append(measure(url, options.seconds, Path(name)))
                print(f"round {number + 1}: {case:22}{found[case][-1]:10,.0f}/s", flush=True)
    report(found)
    result = {
        "machine": about | {"load_at_end": round(os.getloadavg()[0], 2)},
        "versions": versions("windtunnel", "locust", "gevent", "geventhttpclient"),
        "seconds": options.seconds,
        "target_per_core": TARGET,
        "per_second": found,
        "ratios": {case: ratios(found, case) for case in CASES if case != OURS},
    }
    print(write("load", result))


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The server, on its core; its URL."""
    binary = folder / "server"
    subprocess.run(["go", "build", "-o", str(binary), str(HERE / "server.go")], check=True)
    with subprocess.Popen([binary], stdout=subprocess.PIPE, text=True) as process:
        os.sched_setaffinity(process.pid, {SERVER_CORE})
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def ours(url: str, seconds: float, folder: Path) -> float:
    """The highest rate that was sent on time: from a guess, up or down in steps."""
    with LoadDriver(folder / "engine.log") as driver:
        os.sched_setaffinity(driver.pid, {GENERATOR_CORE})
        sent_at(driver, url, 1000.0, 1.0)  # warm
        rate, best = float(TARGET), 0.0
        if on_time(driver, url, rate, seconds):
            while on_time(driver, url, rate * STEP, seconds):
                rate *= STEP
            best = rate
        else:
            while not best and rate > 100:
                rate /= STEP
                best = rate if on_time(driver, url, rate, seconds) else 0.0
    return best


def on_time(driver: LoadDriver, url: str, rate: float, seconds: float) -> bool:
    """Whether all arrivals were sent, and 99 of 100 requests within the limit. The second of two tries counts too."""
    return any(sent_at(driver, url, rate, seconds) <= LATE for _ in range(2))


def sent_at(driver: LoadDriver, url: str, rate: float, seconds: float) -> float:
    """Lateness p99 at that rate; infinite when something was not sent, or failed."""
    failed = 0

    def count(samples: object) -> None:
        nonlocal failed
        failed += sum(sample.outcome != "ok" for sample in samples)  # type: ignore[attr-defined]

    plan = LoadPlan(
        scenarios=HERE / "scenarios.py",
        mix=(MixEntry(scenario="ask"),),
        timeout=5.0,
        seed=1,
        targets={"server": url},
        stages=(Constant(rate=rate, duration=seconds),),
    )
    with driver.start(plan, count) as run:
        enough = time.monotonic() + seconds + 1
        while not run.progress.exhausted and time.monotonic() < enough:
            time.sleep(0.05)
        report = run.stop(5.0)
    return report.late_p99 if report.sent == report.offered and not failed else float("inf")


def locust(user: str) -> Callable[[str, float, Path], float]:
    """One of Locust's users, closed loop."""

    def measure(url: str, seconds: float, folder: Path) -> float:
        command = ["taskset", "-c", str(GENERATOR_CORE), sys.executable, "-m", "locust", "-f", str(HERE / "closed.py")]
        command += ["--headless", "-u", str(CONNECTIONS), "-r", "100", "-t", f"{seconds + 1:.0f}s", "--host", url]
        command += ["--json-file", str(folder / "stats"), "--only-summary", "--loglevel", "ERROR", user]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        stats = json.loads((folder / "stats.json").read_text())[0]
        if stats["num_failures"]:
            raise SystemExit(f"{user}: {stats['num_failures']} requests failed")
        return float(stats["num_requests"] / (stats["last_request_timestamp"] - stats["start_time"]))

    return measure


def wrk(url: str, seconds: float, _: Path) -> float:
    """wrk, one thread."""
    command = ["taskset", "-c", str(GENERATOR_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    if found is None or "Non-2xx" in said:
        raise SystemExit(said)
    return float(found[1])


def ratios(found: Mapping[str, list[float]], case: str) -> list[float]:
    """Ours to that one's, round by round."""
    return [a / b for a, b in zip(found[OURS], found[case], strict=True)]


def report(found: Mapping[str, list[float]]) -> None:
    """The table."""
    print(f"\n{'requests/s from one core':24}{'median':>10}{'best':>10}   ours to it, median of rounds")
    for case, values in found.items():
        ratio = "" if case == OURS else f"{statistics.median(ratios(found, case)):.2f}"
        print(f"{case:24}{statistics.median(values):10,.0f}{max(values):10,.0f}   {ratio}")
    met = "met" if statistics.median(found[OURS]) >= TARGET else "MISSED"
    print(f"goal: {TARGET:,}/s from a core with lateness p99 under {LATE * 1000:.0f} ms: {met}")


CASES: Mapping[str, Callable[[str, float, Path], float]] = {
    OURS: ours,
    "Locust FastHttpUser": locust("FastUser"),
    "Locust HttpUser": locust("PlainUser"),
    "wrk": wrk,
}

if __name__ == "__main__":
    main()
