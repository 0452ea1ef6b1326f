"""Composes all checks into one verdict. Pure: the same history gives the same verdict, today and in a year.

In this order; the first that applies is the outcome:

    ERROR  the evidence is no good: steady state unmet, a fault or its removal unproven, a generator that did not keep
           up, trouble in the run itself. A promise that broke on such evidence may have been broken by something else.
    FAIL   a promise broke, beyond doubt, whatever else could not be decided; or a known weakness is no longer there.
    ERROR  something could not be decided, a check crashed, or the system did not come to rest.
    XFAIL  the one promise that broke is the known weakness.
    PASS   everything was decided, and held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from windtunnel.checks import conduct, faults, generator, invariants, slo
from windtunnel.checks.degradation import documented
from windtunnel.checks.figures import figures_of
from windtunnel.checks.recovery import judge_recovery, recovered_since
from windtunnel.checks.verdict import Finding, Outcome, RecoveryFigure, Verdict, WindowFigures
from windtunnel.checks.windows import Spans, first_offset, spans, window_samples
from windtunnel.history import History
from windtunnel.spec.model import WINDOWS, Spec

Check = Callable[[History, Spec], list[Finding]]


def _recovery(history: History, spec: Spec) -> list[Finding]:
    judged = judge_recovery(history, spec)
    return [judged[0]] if judged else []


CHECKS: Final[Mapping[str, Check]] = {"slo": slo.judge, "recovery": _recovery, "invariants": invariants.judge}
"""Every check: a pure function from a history and its spec to findings. A new one is a file and a line here."""


def judge(history: History, spec: Spec | None = None) -> Verdict:
    """The verdict on a history. `spec` None: the one in its header, as run. Raises `SpecError` if that is no spec."""
    spec = spec or _spec_of(history)
    if unmet := conduct.steady_state_doubts(history):
        return Verdict(outcome="ERROR", errors=(*unmet, *conduct.doubts(history)))
    findings = [finding for name, check in CHECKS.items() for finding in _safely(name, check, history, spec)]
    findings += _weakness(findings, spec)
    of = _spans(history, spec)
    spoilt = [*conduct.doubts(history), *faults.doubts(history, spec), *generator.doubts(history, of)]
    unrest = conduct.unrest(history)
    return Verdict(
        outcome=_outcome(findings, spoilt, unrest, spec),
        findings=tuple(findings),
        windows=window_figures(history, spec, of),
        recovery=_recovery_figure(history, spec),
        errors=(*spoilt, *unrest),
    )


def window_figures(history: History, spec: Spec, of: Spans) -> dict[str, WindowFigures]:
    """Figures of every window reached, and of each scenario and judged route in it."""
    scopes = dict.fromkeys([entry.scenario for entry in spec.load.mix] + [e.scope for e in spec.slo if e.scope])
    allowed = documented(history)
    figures: dict[str, WindowFigures] = {}
    for window in (w for w in WINDOWS if w in of.windows):
        figures[window] = figures_of(window_samples(history, window, of=of), allowed)
        for scope in scopes:
            figures[f"{window}/{scope}"] = figures_of(window_samples(history, window, scope, of=of), allowed)
    return figures


def _spec_of(history: History) -> Spec:
    from windtunnel.spec import spec_from_plain

    return spec_from_plain(history.header.spec)


def _spans(history: History, spec: Spec) -> Spans:
    try:
        since = recovered_since(history, spec)
    except ValueError:  # the check says so
        since = None
    return spans(history, first_at=first_offset(spec), recovered_since=since)


def _recovery_figure(history: History, spec: Spec) -> RecoveryFigure | None:
    try:
        judged = judge_recovery(history, spec)
    except ValueError:
        return None
    return judged[1] if judged else None


def _safely(name: str, check: Check, history: History, spec: Spec) -> Iterable[Finding]:
    """A check that crashes knows nothing (after Jepsen's `check-safe`)."""
    try:
        return check(history, spec)
    except Exception as error:  # whatever it is, it must become "unknown" and not end the judgement
        why = f"check {name} crashed: {type(error).__name__}: {error}"
        return [Finding(expectation=f"check {name}", judgement="unknown", message=why)]


def _weakness(findings: list[Finding], spec: Spec) -> list[Finding]:
    """A finding about the known weakness itself: it must be there, and must be one of the promises."""
    if spec.known_weakness is None:
        return []
    weakness, named = spec.known_weakness, _named(findings, spec)
    if named is None:
        known = "; ".join(finding.expectation for finding in findings)
        why = f"known weakness names no expectation: {weakness.expectation!r}; known: {known}"
        return [Finding(expectation="known_weakness", judgement="unknown", message=why)]
    if named.judgement != "passed":
        return []
    why = f"known weakness no longer there: {weakness.expectation} ({weakness.ref}): {named.message}"
    return [Finding(expectation="known_weakness", judgement="failed", message=why)]


def _named(findings: list[Finding], spec: Spec) -> Finding | None:
    if spec.known_weakness is None:
        return None
    wanted = " ".join(spec.known_weakness.expectation.split())
    return next((finding for finding in findings if finding.expectation == wanted), None)


def _outcome(findings: list[Finding], spoilt: list[str], unrest: list[str], spec: Spec) -> Outcome:
    failed = [finding for finding in findings if finding.judgement == "failed"]
    if spoilt:
        return "ERROR"
    if failed and failed != [_named(findings, spec)]:
        return "FAIL"
    if unrest or not findings or any(finding.judgement == "unknown" for finding in findings):
        return "ERROR"
    return "XFAIL" if failed else "PASS"
