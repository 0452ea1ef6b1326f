"""The states of circuit breakers, as services that name a metric for them tell (`metrics: {path, breaker_state}`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from windtunnel.history import BreakerEvent, BreakerState
from windtunnel.stack.base import Stack

STATES: Final[Mapping[float, BreakerState]] = {0: "closed", 1: "open", 2: "half_open", 4: "open"}
"""By the metric's value, as Resilience4j's and most others' gauges have it; 4 is held open by hand."""
PATIENCE: Final = 0.4
"""Seconds that a service may take to tell."""
LABELS: Final = ("name", "instance")
"""Whose values name a breaker, the second where it is not empty."""


class Breakers:
    """Asks the services themselves, past every proxy, and tells what has changed. A context manager's worth of
    connections: `close` it."""

    def __init__(self, stack: Stack, clock: Callable[[], float] = time.monotonic) -> None:
        self._stack, self._clock = stack, clock
        self._metrics = {
            name: (service.metrics["path"], service.metrics["breaker_state"])
            for name, service in stack.topology.instances.items()
            if service.runs_on(stack.backend) and {"path", "breaker_state"} <= service.metrics.keys()
        }
        self._states: dict[tuple[str, str], BreakerState] = {}
        # The proxies of this machine's environment are nobody's business here.
        self._http = httpx.Client(timeout=PATIENCE, trust_env=False)

    def changes(self) -> Iterator[BreakerEvent]:
        """What is in another state than the last time; everything, the first time."""
        for service, (path, metric) in self._metrics.items():
            asked = self._clock()
            told = self._ask(service, path, metric)
            known = {breaker for owner, breaker in self._states if owner == service}
            for breaker in sorted(known | told.keys()):
                state = told.get(breaker, "unknown")
                if self._states.get((service, breaker)) != state:
                    self._states[service, breaker] = state
                    yield BreakerEvent(t=asked, breaker=breaker, service=service, state=state)

    def close(self) -> None:
        self._http.close()

    def _ask(self, service: str, path: str, metric: str) -> dict[str, BreakerState]:
        """Empty when it does not answer, or nothing that can be read."""
        try:
            answer = self._http.get(f"http://{self._stack.address(service)}{path}")
            families = list(text_string_to_metric_families(answer.text)) if answer.is_success else []
        except (httpx.HTTPError, ValueError):
            return {}
        return {
            _name(sample.labels): STATES.get(sample.value, "unknown")
            for family in families
            for sample in family.samples
            if sample.name == metric
        }


def _name(labels: Mapping[str, str]) -> str:
    return " ".join(labels[label] for label in LABELS if labels.get(label))
