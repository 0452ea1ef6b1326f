"""What a service counts, in a registry of its own, so that two applications in one process do not meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from resilience.inbound import ConcurrencyLimit, Gate
from resilience.prometheus import EdgeCollector
from storefront.shared.peers import Peer

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

Gauges = Callable[[], Mapping[str, Mapping[str, float]]]
"""Values by the metric's name, then by its label `name`."""


class Metrics:
    """Requests served and refused, calls, retries, breakers, and what a service adds of its own."""

    def __init__(self, peers: Mapping[str, Peer], gates: Sequence[Gate]) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter("http_requests", "Requests answered", (*labels, "status"), registry=self.registry)
        self._seconds = Histogram(
            "http_request_duration_seconds", "Time to answer", labels, buckets=_BUCKETS, registry=self.registry
        )
        # A look-up by labels costs as much as the counting itself.
        self._kept: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.registry.register(EdgeCollector(peer.edge for peer in peers.values()))
        self.registry.register(_GateCollector(gates))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is the template, never the path: the number of series must not grow with the data."""
        kept = self._kept.get((method, route, status))
        if kept is None:
            kept = self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)
            self._kept[method, route, status] = kept
        kept[0].inc()
        kept[1].observe(seconds)

    def add(self, help_: str, gauges: Gauges) -> None:
        """Values that are read when somebody asks for them."""
        self.registry.register(_GaugeCollector(help_, gauges))

    def expose(self, app: Flask) -> None:
        app.add_url_rule("/metrics", view_func=self._answer)

    def _answer(self) -> Response:
        return Response(generate_latest(self.registry), content_type=CONTENT_TYPE_LATEST)


class _GateCollector(Collector):
    """The door's numbers, read when asked for, so that no event can be missed."""

    def __init__(self, gates: Sequence[Gate]) -> None:
        self._gates = gates

    def collect(self) -> Iterator[Metric]:
        refused = CounterMetricFamily("inbound_refused", "Requests that were not worked on", labels=["policy"])
        slots = GaugeMetricFamily("inbound_concurrency", "Requests at work, and how many may be", labels=["what"])
        for gate in self._gates:
            refused.add_metric([gate.name], gate.refused)
            if isinstance(gate, ConcurrencyLimit):
                slots.add_metric(["in_flight"], gate.in_flight)
                slots.add_metric(["limit"], gate.limit)
        yield from (refused, slots)


class _GaugeCollector(Collector):
    def __init__(self, help_: str, gauges: Gauges) -> None:
        self._help, self._gauges = help_, gauges

    def collect(self) -> Iterator[Metric]:
        for metric, values in self._gauges().items():
            family = GaugeMetricFamily(metric, self._help, labels=["name"])
            for name, value in values.items():
                family.add_metric([name], value)
            yield family

    def describe(self) -> list[Metric]:
        """Nothing yet: what it shows is in the database, and must not be read when it is registered."""
        return []
