"""What a service counts, in a registry of its own, so that two applications in one process do not meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from storefront.shared.peers import Peer

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Requests served, calls retried, breakers."""

    def __init__(self, peers: Mapping[str, Peer]) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter("http_requests", "Requests answered", (*labels, "status"), registry=self.registry)
        self._seconds = Histogram(
            "http_request_duration_seconds", "Time to answer", labels, buckets=_BUCKETS, registry=self.registry
        )
        self.registry.register(_PeerCollector(peers))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is the template, never the path: the number of series must not grow with the data."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def expose(self, app: Flask) -> None:
        app.add_url_rule("/metrics", view_func=self._answer)

    def _answer(self) -> Response:
        return Response(generate_latest(self.registry), content_type=CONTENT_TYPE_LATEST)


class _PeerCollector(Collector):
    """Reads breakers and retry counts when asked, so that no event can be missed."""

    def __init__(self, peers: Mapping[str, Peer]) -> None:
        self._peers = peers

    def collect(self) -> Iterator[Metric]:
        states = GaugeMetricFamily("circuit_breaker_state", "0 closed, 1 open, 2 half open", labels=["name"])
        retries = CounterMetricFamily("outbound_retries", "Attempts beyond each call's first", labels=["name"])
        for peer in self._peers.values():
            states.add_metric([peer.name_of_edge], peer.breaker_state().value)
            retries.add_metric([peer.name_of_edge], peer.retries)
        yield from (states, retries)
