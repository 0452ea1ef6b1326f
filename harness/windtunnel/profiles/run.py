"""Runs a load profile, once, on a system at rest. It makes a history; judging is somebody else's.

    began                                                        planned end
    |-- stage --|-- stage with faults --|-- stage --|-- last stage --|~~ longer, while undecided ~~| drain ─> done
                 plan, apply, prove      lift, prove lifted

Stages begin when the plan says, not when somebody looks: their times are those of the generator's own schedule. The
last stage goes on at its rate while its SLO cannot be decided, up to three times its length. A stage that is broken
beyond repair ends the run: a search has found its answer then, any other profile has failed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from windtunnel.checks.degradation import documented
from windtunnel.experiment import EXTENSIONS, TICK, extension
from windtunnel.history import Sample
from windtunnel.load.shapes import Constant, Ramp, Shape
from windtunnel.profiles.judging import ABORTED, undecided
from windtunnel.profiles.model import Profile, Stage
from windtunnel.profiles.tally import Tally
from windtunnel.profiles.usage import Meter, meter_of
from windtunnel.trial import Tick, Trial

LOOK: Final = 1.0
"""Seconds between two looks at processors and promises."""


class ProfileRun(Trial[Profile]):
    """One run of one load profile."""

    _tally: Tally
    _meter: Meter

    def __init__(self, *parts: Any, **options: Any) -> None:
        """As `Trial`."""
        super().__init__(*parts, **options)
        self._arrived: deque[Sequence[Sample]] = deque()
        self._next_look = 0.0
        self._end = 0.0

    def _drive(self) -> None:
        profile = self.spec
        self._disruption.plan()
        allowed = documented(self._writer.snapshot())
        self._meter = meter_of(self._stack, self._driver.pid, self._clock)
        run = self._start_load(stages=shapes(profile))
        self._end = run.began_at + profile.planned
        self._tally = Tally(profile, run.began_at, allowed)
        self._next_look = run.began_at + LOOK
        begin = run.began_at
        for index, stage in enumerate(profile.stages):
            self._enter(stage.name, begin)
            begin += stage.duration
            if self._stage(index, stage, begin):
                break
        else:
            self._until_decided(len(profile.stages) - 1, profile.stages[-1])
        self._enter("drain")

    def _take(self, samples: Sequence[Sample]) -> None:
        super()._take(samples)
        self._arrived.append(samples)

    def _stage(self, index: int, stage: Stage, end: float) -> bool:
        """Drive one stage. True when the run is to end with it."""
        faults = self.spec.faults
        if faults is None or faults.during != stage.name:
            return self._last(index, stage, end)
        began = self._clock()
        over = self._last(index, stage, end, lambda: self._disruption.advance(self._clock() - began))
        self._disruption.prove_on_load()
        self._disruption.lift()
        if not self._disruption.prove_restored():
            self.dirty = True
        return over

    def _last(self, index: int, stage: Stage, end: float, act: Callable[[], None] = lambda: None) -> bool:
        """Wait until the stage's time is up, with a look every second. True when it is hopeless."""
        while (left := end - self._clock()) > 0:
            act()
            if self._clock() >= self._next_look and self._look(index, stage):
                return True
            self._pause(min(TICK, left))
        return False

    def _look(self, index: int, stage: Stage) -> bool:
        now = self._clock()
        self._next_look = max(self._next_look + LOOK, now)
        while self._arrived:
            self._tally.add(self._arrived.popleft())
        if (used := self._meter.take()) is not None:
            self._writer.append(used)
        self._show(stage, now)
        # Answers of the stage before come in this one.
        for one in (index - 1, index) if index else (index,):
            if (why := self._tally.hopeless(one, now)) is not None:
                self._note("info", f"{'the search ends: ' if self.spec.search else ABORTED}{why}")
                return True
        return False

    def _until_decided(self, index: int, stage: Stage) -> None:
        """Prolong the last stage by what its promises lack. A search needs none: its steps are what they are."""
        begun = self._end - stage.duration
        for left in reversed(range(0 if self.spec.search else EXTENSIONS)):
            questions = undecided(self._writer.snapshot(), self.spec, stage.name)
            if not questions:
                return
            lacking = max(each.lacking for each in questions)
            seconds = extension(lacking, self._clock() - begun, stage.duration) if left else stage.duration
            self._note("extended", f"{stage.name} by {seconds:.1f}s: {'; '.join(q.message for q in questions)}")
            self._end = self._clock() + seconds
            if self._last(index, stage, self._end):
                return

    def _show(self, stage: Stage, now: float) -> None:
        if self._run is not None:
            progress = self._run.progress
            self._watch(
                Tick(
                    experiment=self.spec.id,
                    phase=stage.name,
                    left=max(0.0, self._end - now),
                    rate=progress.rate,
                    errors=progress.errors,
                    p95=self._tally.p95(now),
                )
            )


def shapes(profile: Profile) -> tuple[Shape, ...]:
    """The stages as the load generator takes them, and the last one's rate without end behind them."""
    return (
        *(_shape(stage, profile) for stage in profile.stages),
        Constant(rate=profile.stages[-1].end, arrival=profile.arrival),
    )


def _shape(stage: Stage, profile: Profile) -> Shape:
    if stage.start == stage.end:
        return Constant(rate=stage.start, duration=stage.duration, arrival=profile.arrival)
    return Ramp(start=stage.start, end=stage.end, duration=stage.duration, arrival=profile.arrival)
