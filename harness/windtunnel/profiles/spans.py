"""Which request belongs to which stage: the one in which it was due.

With one exception, as in experiments: the stage with faults lasts from the first injection acknowledged to the last
removal acknowledged, and a request that was due before and still under way then met the fault, so it belongs there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from windtunnel.checks.windows import in_scope
from windtunnel.history import History, PhaseEvent, Sample
from windtunnel.profiles.model import Profile, Stage


@dataclass(frozen=True, kw_only=True)
class StageSpans:
    """When each stage that was reached began and ended, in monotonic seconds."""

    stages: Mapping[str, tuple[float, float]]
    faulted: str | None
    injection: float

    def stage_of(self, sample: Sample) -> str | None:
        """None for a request between two stages: while a fault was put in or taken out."""
        for name, (start, end) in self.stages.items():
            if start <= sample.due < end:
                met = name != self.faulted and sample.due < self.injection < sample.end
                return self.faulted if met else name
        return None

    def select(self, samples: Sequence[Sample], stage: str, scope: str | None = None) -> list[Sample]:
        """The samples of one stage and scope."""
        return [sample for sample in samples if in_scope(sample, scope) and self.stage_of(sample) == stage]

    def by_stage(self, samples: Sequence[Sample]) -> dict[str, list[Sample]]:
        """All of them, by stage."""
        found: dict[str, list[Sample]] = {name: [] for name in self.stages}
        for sample in samples:
            if (stage := self.stage_of(sample)) is not None:
                found[stage].append(sample)
        return found


def stage_spans(history: History, profile: Profile) -> StageSpans:
    """The stages of a history, also of one that is still being written."""
    phases = [event for event in history.events if isinstance(event, PhaseEvent)]
    names = {stage.name for stage in profile.stages}
    ends = [*(after.t for _, after in pairwise(phases)), math.inf]
    spans = {phase.name: (phase.t, end) for phase, end in zip(phases, ends, strict=False) if phase.name in names}
    fault, during = history.fault_span(), profile.faults.during if profile.faults else None
    if fault is None or during is None or during not in spans:
        return StageSpans(stages=spans, faulted=None, injection=math.inf)
    injected, removed = fault
    spans[during] = (injected, max(removed, injected))
    following = next((stage.name for stage in _after(profile, during) if stage.name in spans), None)
    if following is not None:
        spans[following] = (max(spans[following][0], removed), spans[following][1])
    return StageSpans(stages=spans, faulted=during, injection=injected)


def _after(profile: Profile, stage: str) -> Sequence[Stage]:
    names = [one.name for one in profile.stages]
    return profile.stages[names.index(stage) + 1 :]
