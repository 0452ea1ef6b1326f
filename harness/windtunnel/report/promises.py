"""Promises as a reader wants them: the window, the limit, and what was seen."""

from __future__ import annotations

from collections.abc import Collection

from windtunnel.report.schema import ExperimentSummary, LoadProfileSummary, PromiseSummary
from windtunnel.spec.model import WINDOWS

ORDER = ("failed", "unknown", "passed")


def broken_promises(entry: ExperimentSummary | LoadProfileSummary) -> list[PromiseSummary]:
    """Those that did not hold: broken ones first, then those that could not be decided."""
    return sorted(
        (promise for promise in entry["promises"] if promise["judgement"] != "passed"),
        key=lambda promise: ORDER.index(promise["judgement"]),
    )


def other_reasons(entry: ExperimentSummary | LoadProfileSummary) -> list[str]:
    """The reasons that are no promise's: a fault that was not proven, a generator that ran late, a worker that died."""
    told = tuple(f"{promise['promise']}: {promise['got']}" for promise in broken_promises(entry))
    return [reason for reason in entry["reasons"] if not reason.endswith(told)]


def where_and_limit(promise: str, windows: Collection[str] = WINDOWS) -> tuple[str, str]:
    """`fault`, `place_order p99 < 1500ms`; recovery is judged `after` the fault, an invariant `at rest`.

    `windows` are the names that a promise may begin with: the windows of an experiment, the stages of a load profile.
    """
    head, _, rest = promise.partition(" ")
    window, _, scope = head.partition("/")
    if window in windows and rest:
        return window, f"{scope} {rest}".strip()
    return ("after", promise) if promise.startswith("recovery within") else ("at rest", promise)
