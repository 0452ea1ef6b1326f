"""The capacity: the highest rate at which a search's SLO held, and what was full when it no longer did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from windtunnel.checks.verdict import Finding, Judgement
from windtunnel.history import History
from windtunnel.profiles.model import Profile, Stage
from windtunnel.profiles.saturation import Saturation, saturation
from windtunnel.profiles.spans import StageSpans

NAME = "capacity"


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Rates are arrivals per second."""

    held: float | None
    """The highest step that held, below the first that broke; None when none did."""
    requests: float | None
    """Requests per second that were answered ok in that step."""
    broke: float | None
    """The first step that broke; None when all held."""
    reason: str
    """What broke first."""
    bound: Saturation | None
    """What was full then."""

    @property
    def words(self) -> str:
        if self.held is None:
            return f"no step held; {self.broke:.4g}/s broke: {self.reason}"
        if self.broke is None:
            return f"more than {self.held:.4g}/s: no step broke"
        bound = f"; {self.bound.words}" if self.bound else ""
        return f"{self.held:.4g}/s held, {self.broke:.4g}/s broke{bound}"


def capacity(
    history: History, profile: Profile, of: StageSpans, findings: Mapping[str, Sequence[Finding]]
) -> Capacity | None:
    """`findings`: of each step that was reached. None where nothing was searched, or no step was decided."""
    steps = [stage for stage in profile.stages if findings.get(stage.name)]
    broken = next((s for s in steps if any(f.judgement == "failed" for f in findings[s.name])), None)
    below = steps[: steps.index(broken)] if broken else steps
    held = next((s for s in reversed(below) if all(f.judgement == "passed" for f in findings[s.name])), None)
    if profile.search is None or (broken is None and held is None):
        return None
    return Capacity(
        held=held.end if held else None,
        requests=_answered(history, held, of) if held else None,
        broke=broken.end if broken else None,
        reason=next((f.message for f in findings[broken.name] if f.judgement == "failed"), "") if broken else "",
        bound=saturation(history, of.stages[broken.name]) if broken else None,
    )


def judge_capacity(found: Capacity | None, profile: Profile) -> list[Finding]:
    """The one finding of a search; what else it asserted is how it searched."""
    if profile.search is None:
        return []
    least = profile.search.at_least
    name = NAME if least is None else f"{NAME} >= {least:.4g}/s"
    if found is None:
        why = f"{name}: no step could be decided"
        return [Finding(expectation=name, judgement="unknown", message=why)]
    judgement, why = _judged(found, least)
    return [Finding(expectation=name, judgement=judgement, message=f"{name}: {why}", observed=found.held)]


def _judged(found: Capacity, least: float | None) -> tuple[Judgement, str]:
    enough = least is None or (found.held is not None and found.held >= least)
    if enough and found.broke is None:
        return "passed", f"got {found.words}"
    if found.bound is not None and found.bound.ours:
        return "unknown", f"not the system's: {found.bound.words}; {found.words.split(';')[0]}"
    if found.held is None and (least is None or (found.broke or 0.0) > least):
        return "unknown", f"{found.words}; begin the search lower"
    return ("passed" if enough else "failed"), f"got {found.words}"


def _answered(history: History, stage: Stage, of: StageSpans) -> float:
    ok = sum(sample.outcome == "ok" for sample in of.select(history.samples, stage.name))
    start, end = of.stages[stage.name]
    return ok / (end - start)
