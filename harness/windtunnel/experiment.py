"""The runner: one spec, once, on a system at rest. It makes a history; judging is somebody else's.

    steady state? ─> warmup ─> baseline ─> fault ─────────> recovery ─> recovered ─> load off ─> at rest? ─> invariants
                               plan        apply, prove     undo,       begins when
                                           ... still hit?   prove       recovered

A phase whose SLOs cannot be decided yet is extended, up to three times, by as long as it takes to get the samples that
it lacks. What every run has around it is in `trial.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from windtunnel.checks.recovery import recovered_at
from windtunnel.checks.slo import judge_window, undecided
from windtunnel.observer import Observer
from windtunnel.spec.model import Spec, Window
from windtunnel.trial import Tick, Trial

__all__ = ["Experiment", "Tick"]

EXTENSIONS = 3
"""How often a phase may be prolonged, each time by its own length at most, before its verdict is left inconclusive."""
SHORTEST_EXTENSION = 1.0
"""Seconds."""
SPARE = 1.5
"""Arrivals vary: an extension lasts this much longer than the lacking samples take on average."""
TICK = 0.05
"""Seconds between two looks at the time and the samples."""


class Experiment(Trial[Spec]):
    """One run of one spec."""

    def _drive(self) -> None:
        self._start_load()
        self._before()
        self._break()
        self._after()

    def _observed(self) -> Observer:
        return Observer(self._stack, self._writer)

    def _before(self) -> None:
        self._enter("warmup")
        self._last("warmup", self.spec.phases.warmup)
        self._disruption.plan()
        self._enter("baseline")
        self._last_decided("baseline", self.spec.phases.baseline)

    def _break(self) -> None:
        self._enter("fault")
        began = self._clock()
        self._last_decided("fault", self.spec.phases.fault, lambda: self._disruption.advance(self._clock() - began))
        self._disruption.prove_on_load()
        self._disruption.lift()

    def _after(self) -> None:
        self._enter("recovery")
        removed = self._clock()
        self.dirty = not self._disruption.prove_restored()
        if self.spec.recovery is not None:
            self._last("recovery", self.spec.phases.recovery, self._recovered, since=removed)
        self._enter("recovered")
        self._last_decided("recovered", self.spec.phases.recovered)

    def _recovered(self) -> bool:
        history = self._writer.snapshot()
        span = history.fault_span()
        if span is None or self.spec.recovery is None:
            return False
        try:
            return recovered_at(history, self.spec.recovery.until, span[1]) is not None
        except ValueError:  # a limit relative to a baseline without samples: the judgement will say so
            return False

    def _last_decided(self, window: Window, seconds: float, act: Callable[[], None] = lambda: None) -> None:
        """Let a phase last, and longer while its SLOs are undecided; the last time by its whole length."""

        began = self._clock()

        def step() -> bool:
            act()
            return self._hopeless(window, self._clock() - began)

        lasting = seconds
        for left in reversed(range(EXTENSIONS)):
            if self._last(window, lasting, step):
                return
            questions = undecided(self._writer.snapshot(), self.spec, window)
            if not questions:
                return
            lacking = max(each.lacking for each in questions)
            lasting = extension(lacking, self._clock() - began, seconds) if left else seconds
            self._note("extended", f"{window} by {lasting:.1f}s: {'; '.join(each.message for each in questions)}")
        self._last(window, lasting, step)

    def _hopeless(self, window: Window, elapsed: float) -> bool:
        """Whether a promise with `abort_after` is broken beyond doubt, so that going on would only cost time."""
        promises = [e for e in self.spec.slo if e.window == window and e.abort_after is not None]
        guards = {e.name for e in promises if elapsed >= (e.abort_after or 0.0)}
        if not guards:
            return False
        findings = judge_window(self._writer.snapshot(), self.spec, window)
        broken = [f.message for f in findings if f.judgement == "failed" and f.expectation in guards]
        if broken:
            self._note("info", f"{window} ended early: {broken[0]}")
        return bool(broken)

    def _last(
        self, phase: str, seconds: float, over: Callable[[], bool] = lambda: False, *, since: float | None = None
    ) -> bool:
        """Wait until the phase's time is up, and show where it stands. True when `over()` ended it before."""
        end = (self._clock() if since is None else since) + seconds
        while (left := end - self._clock()) > 0:
            if over():
                return True
            self._show(phase, left)
            self._pause(min(TICK, left))
        return False

    def _show(self, phase: str, left: float) -> None:
        if self._run is not None:
            progress = self._run.progress
            self._watch(
                Tick(experiment=self.spec.id, phase=phase, left=left, rate=progress.rate, errors=progress.errors)
            )


def extension(lacking: float, lasted: float, planned: float) -> float:
    """Seconds in which the lacking share of samples will have come; never more than the phase was planned to last."""
    return min(planned, max(SHORTEST_EXTENSION, SPARE * lacking * lasted))
