"""/metrics: Toxiproxy's two counters in Prometheus' text form, read from the live counters when somebody asks.

Each server has a registry of its own: several live in one process, and the process may have metrics of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from windtunnel.proxy.proxy import Proxy

CONTENT_TYPE = CONTENT_TYPE_LATEST
LABELS = ("direction", "proxy", "listener", "upstream")


class ProxyBytes(Collector):
    """Bytes of each proxy and direction: read from the source, and given to the other side."""

    def __init__(self, proxies: Callable[[], Iterable[Proxy]]) -> None:
        self._proxies = proxies

    def collect(self) -> Iterator[CounterMetricFamily]:
        received = CounterMetricFamily("toxiproxy_proxy_received_bytes", "Bytes read from the source.", labels=LABELS)
        sent = CounterMetricFamily("toxiproxy_proxy_sent_bytes", "Bytes given to the other side.", labels=LABELS)
        for proxy in self._proxies():
            for direction, flow in zip(("upstream", "downstream"), proxy.record.flows_here(), strict=True):
                labels = (direction, proxy.name, proxy.listen, proxy.upstream)
                received.add_metric(labels, flow.received)
                sent.add_metric(labels, flow.sent)
        yield received
        yield sent

    def describe(self) -> list[CounterMetricFamily]:
        return []


class Metrics:
    """One server's metrics."""

    def __init__(self, proxies: Callable[[], Iterable[Proxy]], *, runtime: bool = False) -> None:
        """With `runtime` those of this process too: memory, descriptors, CPU time, the Python that runs it."""
        self._registry = CollectorRegistry()
        self._registry.register(ProxyBytes(proxies))
        if runtime:
            ProcessCollector(registry=self._registry)
            PlatformCollector(registry=self._registry)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self._registry)
