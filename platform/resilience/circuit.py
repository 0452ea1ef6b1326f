"""The breaker's states. It counts what it is told and says who may pass; it calls nobody but its listeners.

    CLOSED ──(too many failed or slow)──▶ OPEN ──(open_for is over, next call)──▶ HALF_OPEN
      ▲                                    ▲                                          │
      └───────(all probes back, good)──────┼──────────────────────────────────────────┤
                                           └──(bad, or no verdict in probes_within)───┘

An operator's word goes above that: DISABLED lets all pass and looks at nothing, METRICS_ONLY lets all pass and tells
when it would have opened, FORCED_OPEN rejects all; each stays until `reset`.

Each change begins a new generation, with a window of its own. A result that belongs to an earlier one goes to a window
that nobody looks at any more: the late success of a call from before the outage says nothing about the peer now.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from resilience.breaker_settings import BreakerSettings
from resilience.count import Count
from resilience.errors import BreakerOpenError
from resilience.events import Announcer, Listener
from resilience.states import FORCED, Permit, State, StateListener
from resilience.window import FAILED, SLOW, CountWindow, NoWindow, Rates, TimeWindow, Window

_log = logging.getLogger("resilience")

P = ParamSpec("P")
R = TypeVar("R")


class Circuit:
    """The state of one breaker. All methods may be called from any thread."""

    def __init__(
        self,
        settings: BreakerSettings,
        *,
        name: str = "breaker",
        clock: Callable[[], float] = time.monotonic,
        listener: StateListener | None = None,
        events: Listener | None = None,
    ) -> None:
        self.name, self.settings = name, settings
        self._clock, self._listener = clock, listener
        self._announce, self._heard = Announcer(name, "breaker", events), events is not None
        self._rates = Rates(settings.failure_rate, settings.slow_rate)
        self._succeeded, self._rejected = Count(), Count()
        self._failed = self._slow = self._ignored = 0
        self._lock = threading.Lock()
        self._telling = threading.RLock()
        self._untold: deque[tuple[State, State, str]] = deque()
        self._state, self._generation, self._would_open = State.CLOSED, -1, False
        self._enter(State.CLOSED)

    @property
    def state(self) -> State:
        """The state now. It stays OPEN until a call asks to pass; `allows` says whether one would."""
        return self._state

    @property
    def rejected(self) -> int:
        """Calls rejected so far."""
        return self._rejected.value

    def outcomes(self) -> dict[str, int]:
        """Calls so far, by what came of them, late ones too. A `slow` one is in one of the others as well."""
        with self._lock:
            return {
                "succeeded": self._succeeded.value,
                "failed": self._failed,
                "ignored": self._ignored,
                "rejected": self._rejected.value,
                "slow": self._slow,
            }

    def allows(self) -> bool:
        """Whether a call would be let through now. Takes no permit and changes nothing."""
        with self._lock:
            if self._state is State.HALF_OPEN and not self._overdue():
                return self._free > 0
            return self._pass is not None or (self._state is State.OPEN and self._clock() >= self._until)

    def acquire(self) -> Permit:
        """Leave for one call. Raises BreakerOpenError, a new one each time."""
        return self._pass or self._ask()

    def succeeded(self, permit: Permit) -> None:
        """The call is over; it went well, and in time."""
        self._succeeded.add()
        turn = permit.window.good()
        if turn is not None:
            self._put(permit, 0, turn)

    def record(self, permit: Permit, *, failed: bool, slow: bool = False) -> None:
        """The call is over, and says something about the peer."""
        if not failed:
            self._succeeded.add()
        self._put(permit, failed * FAILED + slow * SLOW)

    def ignored(self, permit: Permit) -> None:
        """The call is over, and says nothing: the permit is free for another one."""
        with self._lock:
            self._ignored += 1
            if permit is self._permit and self._state is State.HALF_OPEN:
                self._free += 1

    def force(self, state: State) -> None:
        """An operator's word: DISABLED, FORCED_OPEN or METRICS_ONLY until `reset`. Raises ValueError for others."""
        if state not in FORCED:
            raise ValueError(f"{state!r} cannot be forced; right is one of {', '.join(each.name for each in FORCED)}")
        with self._lock:
            self._become(state, "forced")
        self._tell()

    def reset(self) -> None:
        """Closed, with an empty window, whatever it was."""
        with self._lock:
            self._become(State.CLOSED, "reset")
        self._tell()

    def guard(
        self,
        function: Callable[P, R],
        *,
        failures: type[Exception] | tuple[type[Exception], ...] = Exception,
        ignored: type[Exception] | tuple[type[Exception], ...] = (),
    ) -> Callable[P, R]:
        """The same function under this circuit, for calls that are no HTTP: `read = circuit.guard(read)`.

        Exceptions of `failures` count against the peer, those of `ignored` and all that are no `Exception` not at all;
        any other is an answer, hence a success. The function's own exception comes out as it was.
        """

        def ended_by(permit: Permit, exc: BaseException, slow: bool) -> None:
            if isinstance(exc, ignored) or not isinstance(exc, Exception):
                self.ignored(permit)
            else:
                self.record(permit, failed=isinstance(exc, failures), slow=slow)

        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            permit = self._pass or self._ask()
            try:
                result = function(*args, **kwargs)
            except BaseException as exc:
                ended_by(permit, exc, False)
                raise
            # What `succeeded` does, without the call.
            add()
            turn = permit.window.good()
            if turn is not None:
                self._put(permit, 0, turn)
            return result

        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            permit = self._pass or self._ask()
            started = clock()
            try:
                result = function(*args, **kwargs)
            except BaseException as exc:
                ended_by(permit, exc, clock() - started >= limit)
                raise
            if clock() - started >= limit:
                self.record(permit, failed=False, slow=True)
            else:
                self.succeeded(permit)
            return result

        add, clock, limit = self._succeeded.add, self._clock, self.settings.slow_after or math.inf
        return guarded if self.settings.slow_after is None else timed

    def _ask(self) -> Permit:
        """Leave for one call where not everybody passes."""
        wait = self._until - self._clock()
        if wait > 0:  # open: the time may be looked at without the lock, so that a storm of calls does not queue here
            self._rejected.add()
            if self._heard:
                self._announce("rejected", self._refusal)
            raise BreakerOpenError(self._refusal, retry_after=wait)
        with self._lock:
            permit = self._probe()
            wait = self._retry_after()
        self._tell()
        if permit is None:
            self._rejected.add()
            self._announce("rejected", self._refusal)
            raise BreakerOpenError(self._refusal, retry_after=wait)
        return permit

    def _probe(self) -> Permit | None:
        if self._state is State.HALF_OPEN and self._overdue():
            self._become(State.OPEN, "the probes brought no verdict in time")
        elif self._state is State.OPEN and self._clock() >= self._until:
            self._become(State.HALF_OPEN, "time to probe")
        if self._pass is not None:
            return self._pass
        if self._state is State.HALF_OPEN and self._free > 0:
            self._free -= 1
            return self._permit
        return None

    def _put(self, permit: Permit, mark: int, turn: int | None = None) -> None:
        with self._lock:
            self._failed += mark & FAILED
            self._slow += mark >> 1
            permit.window.put(mark, turn)
            if permit is self._permit:
                self._judge(permit.window)
        if self._untold:
            self._tell()

    def _judge(self, window: Window) -> None:
        if self._state is State.CLOSED:
            if (why := window.over()) is not None:
                self._become(State.OPEN, why)
        elif self._state is State.HALF_OPEN and isinstance(window, CountWindow):
            if (why := window.lost()) is not None:
                self._become(State.OPEN, why)
            elif window.full():
                self._become(State.CLOSED, "the probes went well")
        elif self._state is State.METRICS_ONLY:
            why = window.over()
            if why is not None and not self._would_open:
                self._untold.append((self._state, self._state, why))
            self._would_open = why is not None

    def _become(self, new: State, why: str) -> None:
        if new is not self._state:
            self._untold.append((self._state, new, why))
        self._enter(new)

    def _enter(self, new: State) -> None:
        rule, now = self.settings, self._clock()
        self._state, self._since, self._would_open = new, now, False
        self._generation += 1
        self._permit = Permit(self._generation, self._window_of(new))
        self._free = rule.probes if new is State.HALF_OPEN else 0
        self._refusal = f"{self.name}: the breaker is {new.label}"
        self._until = now + rule.open_for if new is State.OPEN else -math.inf
        # Last: whoever sees it needs nothing else of what changes here.
        self._pass = self._permit if new in (State.CLOSED, State.DISABLED, State.METRICS_ONLY) else None

    def _window_of(self, state: State) -> Window:
        rule = self.settings
        if state is State.HALF_OPEN:
            return CountWindow(self._rates, size=rule.probes, minimum=rule.probes)
        if state not in (State.CLOSED, State.METRICS_ONLY):
            return NoWindow()
        if rule.window_seconds is None:
            return CountWindow(self._rates, size=rule.window, minimum=rule.minimum_calls)
        return TimeWindow(self._rates, seconds=rule.window_seconds, minimum=rule.minimum_calls, clock=self._clock)

    def _overdue(self) -> bool:
        return self._clock() >= self._since + self.settings.probes_within

    def _retry_after(self) -> float:
        # Probes are on their way: their verdict is near, whatever the limit says.
        if self._state is not State.HALF_OPEN:
            return self.settings.open_for
        left = self._since + self.settings.probes_within - self._clock()
        return max(0.001, min(1.0, self.settings.open_for, left))

    def _tell(self) -> None:
        """Outside of the state's lock, so that a slow listener stops no other call; one at a time, for the order."""
        if not self._untold:
            return
        with self._telling:
            while self._untold:
                old, new, why = self._untold.popleft()
                if old is new:
                    self._announce("rate_exceeded", why)
                    continue
                self._announce("state_changed", f"{old.label} -> {new.label}: {why}")
                try:
                    if self._listener is not None:
                        self._listener(old, new)
                except Exception:
                    # Telling of the change must not change the call's own result.
                    _log.exception("%s: the listener of the breaker failed", self.name)
