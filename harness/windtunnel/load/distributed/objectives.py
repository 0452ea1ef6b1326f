"""A judge made of an SLO file: its objectives, asked of the merged histograms of all workers.

An SLO file is written for load profiles (see `load/README.md`). Of a run of Locust nobody knows which edges were lost,
and its stages have no names: an objective is asked of the whole run; what needs to know of faults or stages is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from windtunnel.checks.count import Count
from windtunnel.checks.criterion import OUTCOMES, criterion
from windtunnel.checks.figures import share_allowed
from windtunnel.checks.verdict import Judgement
from windtunnel.errors import BadInputError
from windtunnel.load.distributed.result import LoadResult, UndecidedError
from windtunnel.load.histogram import Over
from windtunnel.load.tally import RouteTally
from windtunnel.profiles.criteria import as_expectation, spell_figure
from windtunnel.profiles.model import Objective, Promise
from windtunnel.profiles.slos import read_slos
from windtunnel.spec.model import Expectation

WITH_FAULTS: Final = {
    "degraded_rate": "counts what is documented for an edge that is lost",
    "undocumented_rate": "counts what is not documented for an edge that is lost",
    "undocumented": "counts what is not documented for an edge that is lost",
    "budget_spent": "counts against the length of a stage",
}
"""Metrics that a load profile can judge and a run of Locust cannot, each with why."""


@dataclass(frozen=True)
class Objectives:
    """The judge. Calling it raises `UndecidedError` when nothing broke, but too few requests came to be sure."""

    objectives: tuple[Objective, ...]

    def __call__(self, result: LoadResult) -> Sequence[str]:
        """The promises that broke, one line each, with the confidence rule of experiments."""
        asked = [_ask(one, promise, result) for one in self.objectives for promise in one.promises]
        broken = [line for judgement, line in asked if judgement == "failed"]
        open_ones = [line for judgement, line in asked if judgement == "unknown"]
        if open_ones and not broken:
            raise UndecidedError(tuple(open_ones))
        return broken


def read_objectives(names: str, path: Path | None, scenarios: Collection[str]) -> Objectives:
    """The objectives of these names, parted by commas. Raises `BadInputError`."""
    if path is None:
        raise BadInputError("--wt-slo: the locustfile's user class names no SLO file; give it slos = Path(...)")
    known = read_slos(path, scenarios).objectives
    chosen = []
    for name in (part.strip() for part in names.split(",")):
        if name not in known:
            raise BadInputError(f"--wt-slo: {name!r} is no objective; there are {', '.join(known)}", path=path)
        for promise in known[name].promises:
            if promise.metric in WITH_FAULTS:
                why = f"--wt-slo: {name} has {promise.metric}, which {WITH_FAULTS[promise.metric]}; use a load profile"
                raise BadInputError(why, path=path, line=promise.line)
        chosen.append(known[name])
    return Objectives(tuple(chosen))


def _ask(objective: Objective, promise: Promise, result: LoadResult) -> tuple[Judgement, str]:
    where = f"{objective.name}/{promise.scope}" if promise.scope else objective.name
    name = f"{where} {promise.metric} {promise.text}"
    expectation = as_expectation(promise, objective.target(promise.scope))
    if expectation is None or expectation.limit.value is None:
        raise ValueError(f"{name} cannot be asked of a run of Locust")
    own = _scoped(result, promise.scope)
    if not own.count:
        return "unknown", f"{name}: no requests"
    limit = expectation.limit.value
    rule = criterion(expectation, limit, {})
    value = _figure(promise, expectation, own, objective.target(promise.scope))
    over = _counted(expectation, limit, own)
    counts = [
        Count(
            name=name,
            rule=rule,
            value=value,
            shown=spell_figure(promise.metric, value),
            k=k,
            n=own.count,
            of_outcomes=expectation.metric in OUTCOMES,
        )
        for k in over
    ]
    least, most = counts
    if least.judgement != most.judgement:
        return "unknown", f"{name}: inconclusive: {over.least} to {over.most} of {own.count} are over the limit"
    return most.judgement, f"{name}: {most.result}"


def _scoped(result: LoadResult, scope: str | None) -> RouteTally:
    if scope is None:
        return result.tally.of()
    whole = result.tally.of(scenario=scope)
    return whole if whole.count else result.tally.of(route=scope)


def _counted(expectation: Expectation, limit: float, own: RouteTally) -> Over:
    """How many requests the criterion counts: those that are not ok, or those over the limit."""
    if expectation.metric in OUTCOMES:
        bad = own.count - own.outcomes["ok"]
        return Over(bad, bad)
    return own.latency.over(limit)


def _figure(promise: Promise, expectation: Expectation, own: RouteTally, target: float | None) -> float:
    """In the promise's own unit."""
    bad = own.count - own.outcomes["ok"]
    match promise.metric:
        case "availability":
            return 1 - bad / own.count
        case "burn_rate" if target is not None:
            return bad / own.count / (1 - target)
        case "errors":
            return bad
        case "error_rate":
            return bad / own.count
        case "max":
            return own.latency.quantile(1.0)
    return own.latency.quantile(1 - share_allowed(expectation.metric))
