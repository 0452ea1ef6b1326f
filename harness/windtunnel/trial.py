"""What every run under load has around it, whatever it drives: a healthy system before, one at rest after, all undone.

    steady state? ─> [ load on ─> what the run is about ─> faults lifted ─> load off ] ─> at rest? ─> invariants

However it ends, every fault that was begun is lifted, the load is stopped, and what went wrong is in the history.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from windtunnel.disruption import Disruption
from windtunnel.errors import BadInputError, CapabilityError, NotQuietError, WindtunnelError
from windtunnel.history import HistoryWriter, NoteEvent, PhaseEvent, Sample
from windtunnel.invariants import check_invariants, evaluate
from windtunnel.load.driver import LoadDriver, LoadRun
from windtunnel.load.model import LoadPlan
from windtunnel.load.shapes import Shape
from windtunnel.spec.model import FaultStep, Load, Probe
from windtunnel.stack.base import Stack
from windtunnel.steady_state import await_steady_state
from windtunnel.undo import Journal

QUIET_RATE = 5.0
"""Arrivals per second that keep an idle system moving, so that breakers can close, while it comes to rest."""
QUIET_PATIENCE = 30.0


class Subject(Protocol):
    """What a trial must know of the thing that it runs: a `Spec`, a `Profile`."""

    @property
    def id(self) -> str: ...
    @property
    def load(self) -> Load: ...
    @property
    def probes(self) -> tuple[Probe, ...]: ...
    @property
    def method(self) -> tuple[FaultStep, ...]: ...
    @property
    def invariants(self) -> tuple[str, ...]: ...


S = TypeVar("S", bound=Subject)


@dataclass(frozen=True, kw_only=True)
class Tick:
    """What a live line shows of a running experiment or load profile."""

    experiment: str
    phase: str
    left: float
    """Seconds, as planned; a phase may end early or be extended."""
    rate: float
    errors: float
    """Both per second, over about the last second."""
    p95: float | None = None
    """Seconds, over about the last second, where it is known."""


class Trial(Generic[S]):
    """One run. `dirty` afterwards: the system could not be shown to be whole again; replace it."""

    def __init__(
        self,
        subject: S,
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
        self.spec, self.dirty = subject, False
        self._stack, self._driver, self._writer = stack, driver, writer
        self._disruption = Disruption(subject.method, stack, journal, writer.append, clock)
        self._seed, self._watch, self._clock, self._pause = seed, watch, clock, pause
        self._run: LoadRun | None = None

    def run(self) -> None:
        """Do it all. Raises `CapabilityError` (a skip) alone; any other trouble is written into the history."""
        began = time.time()
        try:
            check_invariants(self.spec.invariants, self._stack.topology)  # a mistake there is better known before
            if self._steady():
                with self._observed():
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

    def _drive(self) -> None:
        """What the run is about. The load is stopped, and faults are lifted, by who calls this."""
        raise NotImplementedError

    def _observed(self) -> AbstractContextManager[object]:
        """What watches the system meanwhile."""
        return nullcontext()

    def _start_load(self, *, stages: tuple[Shape, ...] = ()) -> LoadRun:
        """Load at the subject's rate until it is stopped, or of these shapes."""
        rate = 0.0 if stages else self.spec.load.rate
        self._run = self._driver.start(self._plan(rate, stages), on_samples=self._take)
        return self._run

    def _take(self, samples: Sequence[Sample]) -> None:
        """Called on a thread of the driver."""
        self._writer.add_samples(samples)

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
            self._drive()
        finally:
            try:
                self._lift()
            finally:
                self._stop_load()

    def _come_to_rest(self) -> None:
        """The next run must inherit neither an open breaker nor a backlog."""
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

    def _plan(self, rate: float, stages: tuple[Shape, ...] = ()) -> LoadPlan:
        load, topology = self.spec.load, self._stack.topology
        targets = {
            edge.target: f"http://{self._stack.edge_address(edge.name)}" for edge in topology.edges_from("client")
        }
        return LoadPlan(
            scenarios=topology.scenarios,
            mix=load.mix,
            rate=rate,
            stages=stages,
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

    def _enter(self, phase: str, at: float | None = None) -> None:
        self._writer.append(PhaseEvent(t=self._clock() if at is None else at, name=phase))

    def _note(self, what: str, text: str) -> None:
        self._writer.append(NoteEvent(t=self._clock(), what=what, text=text))  # type: ignore[arg-type]
