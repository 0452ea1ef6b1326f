"""The runner: one spec, once, on a system at rest. It makes a history; judging is somebody else's.

    steady state? ─> warmup ─> baseline ─> fault ─────────> recovery ─> recovered ─> load off ─> at rest? ─> invariants
                               plan        apply, prove     undo,       begins when
                                           ... still hit?   prove       recovered

A phase whose SLOs cannot be decided yet is extended, up to three times, by as long as it takes to get the samples that
it lacks. However a run ends, every fault that was begun
is lifted and the load is stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from windtunnel.checks.recovery import recovered_at
from windtunnel.checks.slo import judge_window, undecided
from windtunnel.disruption import Disruption
from windtunnel.errors import BadInputError, CapabilityError, NotQuietError, WindtunnelError
from windtunnel.history import HistoryWriter, NoteEvent, PhaseEvent
from windtunnel.invariants import check_invariants, evaluate
from windtunnel.load.driver import LoadDriver, LoadRun
from windtunnel.load.model import LoadPlan
from windtunnel.observer import Observer
from windtunnel.spec.model import Spec, Window
from windtunnel.stack.base import Stack
from windtunnel.steady_state import await_steady_state
from windtunnel.undo import Journal

EXTENSIONS = 3
"""How often a phase may be prolonged, each time by its own length at most, before its verdict is left inconclusive."""
SHORTEST_EXTENSION = 1.0
"""Seconds."""
SPARE = 1.5
"""Arrivals vary: an extension lasts this much longer than the lacking samples take on average."""
TICK = 0.05
"""Seconds between two looks at the time and the samples."""
QUIET_RATE = 5.0
"""Arrivals per second that keep an idle system moving, so that breakers can close, while it comes to rest."""
QUIET_PATIENCE = 30.0


@dataclass(frozen=True, kw_only=True)
class Tick:
    """What a live line shows of a running experiment."""

    experiment: str
    phase: str
    left: float
    """Seconds, as planned; a phase may end early or be extended."""
    rate: float
    errors: float
    """Both per second, over about the last second."""


class Experiment:
    """One run of one spec. `dirty` afterwards: the system could not be shown to be whole again; replace it."""

    def __init__(
        self,
        spec: Spec,
        stack: Stack,
        driver: LoadDriver,
        journal: Journal,
        writer: HistoryWriter,
        *,
        seed: int = 0,
        watch: Callable[[Tick], None] = lambda tick: None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.spec, self.dirty = spec, False
        self._stack, self._driver, self._writer = stack, driver, writer
        self._disruption = Disruption(spec.method, stack, journal, writer.append, clock)
        self._seed, self._watch, self._clock, self._pause = seed, watch, clock, pause
        self._run: LoadRun | None = None

    def run(self) -> None:
        """Do it all. Raises `CapabilityError` (a skip) alone; any other trouble is written into the history."""
        began = time.time()
        try:
            check_invariants(self.spec.invariants, self._stack.topology)  # a mistake there is better known before
            if self._steady():
                with Observer(self._stack, self._writer):
                    self._under_load()
                self._come_to_rest()
                for event in evaluate(self.spec.invariants, self._stack, began):
                    self._writer.append(event)
        except CapabilityError:
            raise
        except WindtunnelError as error:
            self._break_off(error)
        except BaseException as error:  # Ctrl-C, or a bug: the history must not look like one that came to its end
            self._break_off(error)
            raise
        else:
            self._enter("done")

    def _break_off(self, error: BaseException) -> None:
        self.dirty = True  # what state the system is in was not looked at any more
        self._note("error", f"{type(error).__name__}: {error}")

    def _steady(self) -> bool:
        """Nothing is broken before the system was seen healthy."""
        events = list(await_steady_state(self.spec.probes, self._stack, clock=self._clock))
        for event in events:
            self._writer.append(event)
        return all(event.met for event in events)

    def _under_load(self) -> None:
        try:
            self._run = self._driver.start(self._plan(self.spec.load.rate), on_samples=self._writer.add_samples)
            self._before()
            self._break()
            self._after()
        finally:
            try:
                self._lift()
            finally:
                self._stop_load()

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

    def _come_to_rest(self) -> None:
        """The next experiment must inherit neither an open breaker nor a backlog."""
        try:
            trickle = self._driver.start(self._plan(QUIET_RATE), on_samples=lambda samples: None)
            try:
                self._stack.until_quiet(QUIET_PATIENCE)
            finally:
                trickle.stop(self.spec.load.timeout)
            # What the trickle itself left behind settles without any more load.
            self._stack.until_quiet(QUIET_PATIENCE)
        except (NotQuietError, BadInputError) as error:  # BadInputError: even the load's set-up did not get through
            self.dirty = True
            self._note("quiet", str(error))

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
            lasting = _extension(lacking, self._clock() - began, seconds) if left else seconds
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

    def _plan(self, rate: float) -> LoadPlan:
        load, topology = self.spec.load, self._stack.topology
        targets = {
            edge.target: f"http://{self._stack.edge_address(edge.name)}" for edge in topology.edges_from("client")
        }
        return LoadPlan(
            scenarios=topology.scenarios,
            mix=load.mix,
            rate=rate,
            arrival=load.arrival,
            timeout=load.timeout,
            seed=self._seed,
            targets=targets,
        )

    def _lift(self) -> None:
        try:
            self._disruption.lift()
        except Exception as error:  # an error of its own must not hide what went wrong before
            self.dirty = True
            self._note("error", f"could not be lifted: {error}")

    def _stop_load(self) -> None:
        if self._run is not None:
            self._writer.append(self._run.stop(self.spec.load.timeout))
            self._run = None

    def _enter(self, phase: str) -> None:
        self._writer.append(PhaseEvent(t=self._clock(), name=phase))

    def _note(self, what: str, text: str) -> None:
        self._writer.append(NoteEvent(t=self._clock(), what=what, text=text))  # type: ignore[arg-type]


def _extension(lacking: float, lasted: float, planned: float) -> float:
    """Seconds in which the lacking share of samples will have come; never more than the phase was planned to last."""
    return min(planned, max(SHORTEST_EXTENSION, SPARE * lacking * lasted))
