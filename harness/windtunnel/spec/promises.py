"""Reads what must hold: `slo`, `recovery`, `invariants`, `known_weakness`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from windtunnel.document import Entry, Value, unknown
from windtunnel.spec.decidable import undecidable, window_seconds
from windtunnel.spec.expression import METRICS, metric_kind, parse_expression
from windtunnel.spec.model import (
    STRETCH_SAMPLES,
    STRETCH_SECONDS,
    WINDOWS,
    Expectation,
    FaultStep,
    KnownWeakness,
    Load,
    Phases,
    Recovery,
    Window,
)
from windtunnel.spec.surroundings import Surroundings
from windtunnel.units import parse_duration, show_duration

_ROUTE = re.compile(r"[A-Z]{3,10} /\S*")


def read_slo(
    value: Value, load: Load, phases: Phases, method: tuple[FaultStep, ...], recovery: Recovery | None
) -> tuple[Expectation, ...]:
    """Every promise of every window. Each must be decidable by the samples its window will hold."""
    stretch = max(STRETCH_SAMPLES / load.rate, STRETCH_SECONDS) if recovery else 0.0
    promises: list[Expectation] = []
    for name, entry in value.mapping().items():
        if name not in WINDOWS:
            raise entry.place.refusal(unknown("window", name, WINDOWS))
        window: Window = name
        seconds = window_seconds(window, phases, method, stretch)
        for where, promise in read_expectations(entry.value, window, load):
            _check_baseline(promise, where, phases)
            if window == "baseline" and promise.limit.relative is not None:
                raise where.refusal("the baseline cannot be measured against itself; write an absolute limit")
            reason = undecidable(promise, seconds, load)
            if reason:
                raise where.refusal(reason)
            promises.append(promise)
    return tuple(promises)


def read_recovery(value: Value, load: Load, phases: Phases) -> Recovery:
    """When the system counts as recovered, and the limit on how long that may take."""
    fields = value.fields(required=["until", "within"])
    until = tuple(read_expectations(fields["until"], "recovered", load))
    if not until:
        raise fields["until"].refusal('expected at least one metric, such as error_rate: "< 1%"')
    for where, promise in until:
        _check_baseline(promise, where, phases)
        if promise.abort_after is not None:
            raise where.refusal("abort_after has no meaning while recovery is awaited; remove it")
    within = fields["within"].parse(parse_duration)
    if not 0 < within <= phases.recovery:
        limit = show_duration(phases.recovery)
        raise fields["within"].refusal(
            f"{fields['within'].written} is not within the recovery phase of {limit}; write 'phases: {{recovery: ...}}'"
        )
    return Recovery(until=tuple(promise for _, promise in until), within=within, line=value.line)


def read_invariants(value: Value, around: Surroundings) -> tuple[str, ...]:
    """Names of functions in the topology's invariants file."""
    names = value.texts()
    if names and not around.has_invariants:
        raise value.refusal("the topology names no invariants file; add invariants: PATH to it")
    for position, item in enumerate(value.items):
        if item.text() not in around.invariants:
            raise item.refusal(unknown("invariant", item.text(), around.invariants))
        if item.text() in names[:position]:
            raise item.refusal(f"duplicate invariant {item.text()!r}; name it once")
    return names


def read_weakness(
    value: Value, slo: tuple[Expectation, ...], recovery: Recovery | None, invariants: tuple[str, ...]
) -> KnownWeakness:
    """The one promise that is known to break; it must be one that this experiment makes."""
    fields = value.fields(required=["expectation", "ref"])
    named = fields["expectation"]
    known = [promise.name for promise in slo] + list(invariants)
    if recovery is not None:
        known.append(f"recovery within {show_duration(recovery.within)}")
    wanted = " ".join(named.text().split())
    if wanted not in known:
        raise named.refusal(unknown("expectation", wanted, known))
    return KnownWeakness(expectation=wanted, ref=fields["ref"].text())


def read_expectations(value: Value, window: Window, load: Load) -> Iterator[tuple[Value, Expectation]]:
    """Every promise of a mapping of metrics and scopes, each with where it stands."""
    for key, entry in value.mapping().items():
        if metric_kind(key) is not None:
            yield _expectation(key, entry, window, None)
            continue
        _check_scope(key, entry, load)
        for metric, inner in entry.value.mapping().items():
            if metric_kind(metric) is None:
                raise inner.place.refusal(unknown("metric", metric, METRICS))
            yield _expectation(metric, inner, window, key)


def _check_scope(key: str, entry: Entry, load: Load) -> None:
    """A scenario of this load, or a route. A route is known only to the scenario's code, so its form must do."""
    scenarios = tuple(part.scenario for part in load.mix)
    if key in scenarios or _ROUTE.fullmatch(key):
        return
    raise entry.place.refusal(unknown("metric or scenario", key, (*scenarios, *METRICS)))


def _expectation(metric: str, entry: Entry, window: Window, scope: str | None) -> tuple[Value, Expectation]:
    value, abort = entry.value, None
    if value.kind == "mapping":
        fields = value.fields(required=["expect"], optional=["abort_after"])
        value, abort = fields["expect"], fields.read("abort_after", lambda v: v.parse(parse_duration), None)
    operator, limit, text = value.parse(lambda written: parse_expression(metric, written))
    return value, Expectation(
        window=window,
        metric=metric,
        op=operator,
        limit=limit,
        scope=scope,
        abort_after=abort,
        text=text,
        line=value.line,
    )


def _check_baseline(promise: Expectation, where: Value, phases: Phases) -> None:
    if promise.limit.relative is not None and phases.baseline == 0:
        raise where.refusal("a relative limit needs a baseline phase; write for instance phases: {baseline: 8s}")
