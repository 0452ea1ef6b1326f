"""The edges' numbers for Prometheus: `registry.register(EdgeCollector([payments.edge]))`. Needs prometheus-client.

Everything is read when it is asked for, so no call pays for it and no event can be missed. A policy that is off has no
series. `instance` is empty where there is no balancer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from resilience.edge import Edge

_GAUGES = {
    "circuit_breaker_state": (
        "0 closed, 1 open, 2 half open; forced: 3 disabled, 4 open, 5 metrics only",
        ("instance",),
    ),
    "retry_budget_tokens": ("Tokens left; no retries at half of the bucket or less", ()),
    "bulkhead_slots_in_use": ("Calls under way", ()),
    "bulkhead_slots": ("Calls that may be under way at the same time", ()),
    "bulkhead_waiting": ("Calls that wait for a slot", ()),
    "cache_entries": ("Answers kept", ()),
    "balancer_instances": ("Instances known", ()),
    "balancer_ejected": ("1 while the instance is left out", ("instance",)),
    "balancer_in_flight": ("Calls under way at the instance", ("instance",)),
    "discovery_age_seconds": ("Since the provider last knew of an instance", ()),
}
_COUNTERS = {
    "circuit_breaker_requests": ("Calls by what came of them at the breaker", ("instance", "outcome")),
    "circuit_breaker_slow": ("Calls that took too long, whatever came of them", ("instance",)),
    "outbound_retries": ("Attempts beyond each call's first", ()),
    "retry_given_up": ("Calls that ended with a failure of the kind that is tried again", ()),
    "retry_budget_refused": ("Retries not made because the budget was used up", ()),
    "rate_limit_refused": ("Calls rejected because they were more than agreed", ()),
    "rate_limit_delayed": ("Calls that waited for their turn", ()),
    "bulkhead_refused": ("Calls that got no slot", ()),
    "cache_requests": ("Calls by how the cache answered", ("outcome",)),
    "fallback_used": ("Answers made up", ()),
    "fallback_failed": ("Answers that could not be made up", ()),
    "balancer_ejections": ("Instances left out, so far", ()),
    "discovery_failures": ("Times that the provider could not say where the instances are", ()),
}

Sample = tuple[str, tuple[str, ...], float]
"""The metric's name, the values of its labels after `name`, its value."""


class EdgeCollector(Collector):
    """The numbers of these edges, labelled with their names."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self._edges = list(edges)

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
            name: GaugeMetricFamily(name, text, labels=["name", *labels]) for name, (text, labels) in _GAUGES.items()
        }
        for name, (text, labels) in _COUNTERS.items():
            families[name] = CounterMetricFamily(name, text, labels=["name", *labels])
        for edge in self._edges:
            for metric, values, value in samples(edge):
                families[metric].add_metric([edge.name, *values], value)
        yield from families.values()


def samples(edge: Edge) -> Iterator[Sample]:
    """What this edge has to tell, for whatever takes it."""
    yield from _breakers(edge)
    yield from _retry(edge)
    yield from _limits(edge)
    yield from _instead(edge)
    yield from _instances(edge)


def _breakers(edge: Edge) -> Iterator[Sample]:
    for instance, circuit in edge.circuits().items():
        yield "circuit_breaker_state", (instance,), circuit.state.value
        outcomes = circuit.outcomes()
        yield "circuit_breaker_slow", (instance,), outcomes.pop("slow")
        for outcome, number in outcomes.items():
            yield "circuit_breaker_requests", (instance, outcome), number


def _retry(edge: Edge) -> Iterator[Sample]:
    if edge.retry is None:
        return
    yield "outbound_retries", (), edge.retry.retries
    yield "retry_given_up", (), edge.retry.given_up
    if edge.retry.budget is not None:
        yield "retry_budget_tokens", (), edge.retry.budget.level
        yield "retry_budget_refused", (), edge.retry.budget.refused


def _limits(edge: Edge) -> Iterator[Sample]:
    if edge.pace is not None:
        yield "rate_limit_refused", (), edge.pace.refused
        yield "rate_limit_delayed", (), edge.pace.delayed
    if edge.slots is not None:
        yield "bulkhead_slots", (), edge.slots.limit
        yield "bulkhead_slots_in_use", (), edge.slots.in_use
        yield "bulkhead_waiting", (), edge.slots.waiting
        yield "bulkhead_refused", (), edge.slots.refused


def _instead(edge: Edge) -> Iterator[Sample]:
    if edge.cache is not None:
        yield "cache_entries", (), edge.cache.entries
        for outcome, number in edge.cache.counts().items():
            yield "cache_requests", (outcome,), number
    if edge.fallback is not None:
        yield "fallback_used", (), edge.fallback.used
        yield "fallback_failed", (), edge.fallback.broken


def _instances(edge: Edge) -> Iterator[Sample]:
    if edge.balancer is None:
        return
    members = edge.balancer.members()
    yield "balancer_instances", (), len(members)
    yield "balancer_ejections", (), edge.balancer.ejections
    yield "discovery_failures", (), edge.balancer.directory.failures
    yield "discovery_age_seconds", (), edge.balancer.directory.age()
    for member in members:
        yield "balancer_ejected", (str(member.instance),), member.ejected
        yield "balancer_in_flight", (str(member.instance),), member.in_flight
