"""A promise as counting: k of n requests over the limit, and what share or number of them is allowed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from windtunnel.checks.criterion import OUTCOMES, Criterion, criterion, observed
from windtunnel.checks.degradation import Documented
from windtunnel.checks.figures import percent, spell
from windtunnel.history import Sample
from windtunnel.profiles.model import Objective, Promise, Stage
from windtunnel.spec.model import Expectation, Limit

ERRORS_ALLOWED = {">=": "<=", ">": "<"}
"""A bound on what is good, as a bound on what is not."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One promise about one stage. `n`, the requests that there were, is what a budget is counted over."""

    name: str
    """How reports call it: `steady/place_order p95 < 500ms`."""
    promise: Promise
    rule: Callable[[int], Criterion]
    """By the number of requests."""
    figure: Callable[[Sequence[Sample]], float]
    """Of at least one request, in the promise's own unit."""
    of_outcomes: bool
    """Whether it asks what was answered; else how long it took."""

    def spell(self, value: float) -> str:
        """The figure as reports write it."""
        return spell_figure(self.promise.metric, value)


def question(stage: Stage, objective: Objective, promise: Promise, allowed: Documented, *, faulted: bool) -> Question:
    """`faulted`: an edge is lost in this stage, so `undocumented` requests are those that are not declared for it."""
    where = f"{stage.name}/{promise.scope}" if promise.scope else stage.name
    target = objective.target(promise.scope)
    expectation = as_expectation(promise, target, faulted=faulted)
    name = f"{where} {promise.metric} {promise.text}"
    if expectation is None and target is not None and objective.period is not None:
        budget = _Budget(1 - target, objective.period / stage.duration)
        return Question(
            name=name,
            promise=promise,
            rule=lambda n: Criterion(counted=_not_ok, op=promise.op, bound=promise.bound * budget.of(n), exact=True),
            figure=lambda samples: sum(map(_not_ok, samples)) / budget.of(len(samples)),
            of_outcomes=True,
        )
    if expectation is None:
        raise ValueError(f"{name} has no period or no availability to count against")
    limit = expectation.limit.resolve(None)
    rule = criterion(expectation, limit, allowed)

    def figure(samples: Sequence[Sample]) -> float:
        value = observed(expectation.metric, samples, allowed, excused=faulted)
        if promise.metric == "availability":
            return 1 - value
        return value / (1 - target) if promise.metric == "burn_rate" and target is not None else value

    return Question(
        name=name,
        promise=promise,
        rule=lambda n: rule,
        figure=figure,
        of_outcomes=expectation.metric in OUTCOMES,
    )


def as_expectation(promise: Promise, target: float | None, *, faulted: bool = False) -> Expectation | None:
    """The promise in the words of experiments. None for a share of a budget, which is a number of requests."""
    if promise.metric == "budget_spent":
        return None
    metric, op, bound = promise.metric, promise.op, promise.bound
    if metric == "availability":
        metric, op, bound = "error_rate", ERRORS_ALLOWED[op], 1 - bound  # type: ignore[assignment]
    elif metric == "burn_rate":
        metric, bound = "error_rate", bound * (1 - (target or 0.0))
    return Expectation(
        window="fault" if faulted else "baseline",
        metric=metric,
        op=op,
        limit=Limit(value=round(bound, 12)),
        scope=promise.scope,
        text=promise.text,
        line=promise.line,
    )


@dataclass(frozen=True)
class _Budget:
    """How many requests of a period may fail, if the period were like this stage."""

    share: float
    stages: float
    """How many such stages fit into the period."""

    def of(self, n: int) -> float:
        return self.share * n * self.stages


def _not_ok(sample: Sample) -> bool:
    return sample.outcome != "ok"


def spell_figure(metric: str, value: float) -> str:
    """A promise's figure as reports write it."""
    if metric in ("availability", "budget_spent"):
        return percent(value)
    return f"{value:.3g}" if metric == "burn_rate" else spell(metric, value)
