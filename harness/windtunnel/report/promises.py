"""Promises as a reader wants them: the window, the limit, and what was seen."""

from __future__ import annotations

from windtunnel.report.schema import ExperimentSummary, PromiseSummary
from windtunnel.spec.model import WINDOWS

ORDER = ("failed", "unknown", "passed")


def broken_promises(entry: ExperimentSummary) -> list[PromiseSummary]:
    """Those that did not hold: broken ones first, then those that could not be decided."""
    return sorted(
        (promise for promise in entry["promises"] if promise["judgement"] != "passed"),
        key=lambda promise: ORDER.index(promise["judgement"]),
    )


def other_reasons(entry: ExperimentSummary) -> list[str]:
    """The reasons that are no promise's: a fault that was not proven, a generator that ran late, a worker that died."""
    told = tuple(f"{promise['promise']}: {promise['got']}" for promise in broken_promises(entry))
    return [reason for reason in entry["reasons"] if not reason.endswith(told)]


def where_and_limit(promise: str) -> tuple[str, str]:
    """`fault`, `place_order p99 < 1500ms`; recovery is judged `after` the fault, an invariant `at rest`."""
    head, _, rest = promise.partition(" ")
    window, _, scope = head.partition("/")
    if window in WINDOWS and rest:
        return window, f"{scope} {rest}".strip()
    return ("after", promise) if promise.startswith("recovery within") else ("at rest", promise)
