"""A load that goes on for as long as a system stands: `--load "place_order=1,read_order=3" --rate 20/s`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from windtunnel.checks.figures import quantile
from windtunnel.document import unknown
from windtunnel.errors import BadInputError, WindtunnelError
from windtunnel.history import Sample
from windtunnel.load.driver import LoadDriver
from windtunnel.load.model import LoadPlan
from windtunnel.spec.model import MixEntry
from windtunnel.stack.base import Stack
from windtunnel.units import parse_rate

TIMEOUT: Final = 5.0
"""Seconds that a request of the load may take."""
RECENT: Final = 5.0
"""Seconds that the live figure looks back, as that of the edges does."""
DEFAULT_RATE: Final = "10/s"


@dataclass(frozen=True, kw_only=True)
class SteadyLoad:
    """What a client shall do, and how often."""

    mix: tuple[MixEntry, ...]
    rate: float
    """Arrivals per second."""

    def plan(self, stack: Stack, seed: int) -> LoadPlan:
        """For that system, without an end."""
        edges = stack.topology.edges_from("client")
        return LoadPlan(
            scenarios=stack.topology.scenarios,
            mix=self.mix,
            rate=self.rate,
            timeout=TIMEOUT,
            seed=seed,
            targets={edge.target: f"http://{stack.edge_address(edge.name)}" for edge in edges},
        )


def read_load(mix: str, rate: str, scenarios: Sequence[str]) -> SteadyLoad:
    """From what was typed. Raises `BadInputError`."""
    entries: list[MixEntry] = []
    for part in mix.split(","):
        name, _, weight = (text.strip() for text in part.partition("="))
        if name not in scenarios:
            raise BadInputError(f"--load: {unknown('scenario', name, scenarios)}")
        if any(entry.scenario == name for entry in entries):
            raise BadInputError(f"--load: the scenario {name} is given twice; give it one weight")
        entries.append(MixEntry(scenario=name, weight=_weight(name, weight or "1")))
    try:
        per_second = parse_rate(rate)
    except ValueError as error:
        raise BadInputError(f"--rate: {error}") from None
    if not per_second:
        raise BadInputError("--rate 0/s is no load; write for instance 20/s")
    return SteadyLoad(mix=tuple(entries), rate=per_second)


class RunningLoad:
    """Begins when it is made; a context manager."""

    def __init__(self, driver: LoadDriver, plan: LoadPlan, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises `BadInputError` for scenarios that cannot be used, and when their `set_up` does not get through."""
        self._clock, self._recent = clock, deque[Sample]()
        self._run = driver.start(plan, on_samples=self._take)

    def line(self) -> str:
        """`load: 20/s, no errors, p95 38ms`; or what has ended it."""
        try:
            progress = self._run.progress
        except WindtunnelError as error:
            return f"load: ended: {str(error).splitlines()[0]}"
        now, seen = self._clock(), list(self._recent)
        latencies = sorted(sample.latency for sample in seen if sample.end >= now - RECENT)
        p95 = f", p95 {1000 * quantile(latencies, 0.05):.0f}ms" if latencies else ""
        errors = f"{progress.errors:.0f} errors/s" if progress.errors else "no errors"
        return f"load: {progress.rate:.0f}/s, {errors}{p95}"

    def _take(self, samples: Sequence[Sample]) -> None:
        """Called on a thread of the driver."""
        self._recent.extend(samples)
        while self._recent and self._recent[0].end < samples[-1].end - 2 * RECENT:
            self._recent.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._run.over:
            self._run.stop(0.0)


def _weight(scenario: str, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not 0 < weight < float("inf"):
        raise BadInputError(f"--load: the weight of {scenario} is a number above 0, found {text!r}")
    return weight
