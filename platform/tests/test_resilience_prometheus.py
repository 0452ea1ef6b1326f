"""The numbers for Prometheus: they are those of what happened."""

from __future__ import annotations

import dataclasses

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from scripted_peer import ManualClock, Peer

from resilience import (
    BalancerSettings,
    BreakerSettings,
    BudgetSettings,
    BulkheadSettings,
    CacheSettings,
    EdgePolicy,
    FallbackSettings,
    RateLimitedError,
    RateLimitSettings,
    RetrySettings,
    StaticList,
    prometheus,
    protect,
)
from resilience.prometheus import EdgeCollector

ALL_ON = EdgePolicy(
    fallback=FallbackSettings(answer=lambda request, failure: httpx.Response(200)),
    cache=CacheSettings(),
    retry=RetrySettings(attempts=2, base=0),
    budget=BudgetSettings(tokens=3),
    balancer=BalancerSettings(),
    breaker=BreakerSettings(window=2, minimum_calls=2),
    rate_limit=RateLimitSettings(per_second=0.01, burst=3),
    bulkhead=BulkheadSettings(slots=7),
)
ALL_OFF = EdgePolicy(**{field.name: None for field in dataclasses.fields(EdgePolicy)})


def edge(peer, policy, **kwargs):
    clock = ManualClock()
    return protect(
        peer, policy, name="a->b", provider=StaticList("10.0.0.1:80"), clock=clock, sleep=clock.sleep, **kwargs
    )


def scraped(protected):
    """Every series with its value, as a registry gives them out."""
    registry = CollectorRegistry()
    registry.register(EdgeCollector([protected]))
    lines = generate_latest(registry).decode().splitlines()
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_every_policy_shows_what_it_did():
    """Two failing attempts open the breaker, the next call is rejected; the fallback answers for both."""
    protected = edge(Peer(503), ALL_ON)
    request = httpx.Request("GET", "http://peer/")
    protected.handle_request(request)
    protected.handle_request(request)
    seen = scraped(protected)
    where = 'instance="10.0.0.1:80",name="a->b"'

    assert seen['outbound_retries_total{name="a->b"}'] == 1
    assert seen['retry_given_up_total{name="a->b"}'] == 1
    assert seen['retry_budget_tokens{name="a->b"}'] == 1
    assert seen['retry_budget_refused_total{name="a->b"}'] == 0
    assert seen[f"circuit_breaker_state{{{where}}}"] == 1
    assert seen[f'circuit_breaker_requests_total{{{where},outcome="failed"}}'] == 2
    assert seen[f'circuit_breaker_requests_total{{{where},outcome="rejected"}}'] == 1
    assert seen[f"circuit_breaker_slow_total{{{where}}}"] == 0
    assert seen['fallback_used_total{name="a->b"}'] == 2
    assert seen['cache_requests_total{name="a->b",outcome="misses"}'] == 2
    assert seen['bulkhead_slots{name="a->b"}'] == 7
    assert seen['bulkhead_slots_in_use{name="a->b"}'] == 0
    assert seen['balancer_instances{name="a->b"}'] == 1
    assert seen[f"balancer_in_flight{{{where}}}"] == 0
    assert seen[f"balancer_ejected{{{where}}}"] == 0


def test_rejections_of_the_rate_limit_are_counted():
    """Three are agreed, five are tried."""
    protected = edge(Peer(200), EdgePolicy(rate_limit=ALL_ON.rate_limit))
    for _ in range(3):
        protected.handle_request(httpx.Request("GET", "http://peer/"))
    for _ in range(2):
        with pytest.raises(RateLimitedError):
            protected.handle_request(httpx.Request("GET", "http://peer/"))

    assert scraped(protected)['rate_limit_refused_total{name="a->b"}'] == 2


def test_policies_that_are_off_have_no_series():
    """Nothing that looks like a zero."""
    assert scraped(edge(Peer(200), ALL_OFF)) == {}


def test_every_metric_that_is_declared_is_shown_when_all_is_on():
    """And no other: what is declared and what is told are the same names."""
    told = {name for name, _, _ in prometheus.samples(_used())}

    assert told == prometheus._GAUGES.keys() | prometheus._COUNTERS.keys()


def _used():
    protected = edge(Peer(200), ALL_ON)
    protected.handle_request(httpx.Request("GET", "http://peer/"))
    return protected
