"""Which request belongs to which window.

    phases   baseline             fault                     recovery      recovered
             |                    |                         |             |
    windows  |---- baseline ----| |--------- fault ---------|      |--- recovered --- ...
                                ^ the first act begins       ^      ^ recovery was reached
                                                             removal acknowledged

A request belongs to the window in which it was due, with one exception: one that was due before the first injection and
still under way when it began met the fault, so it is a request of the fault window. Else the last few requests of every
baseline would be judged by what the fault did to them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from windtunnel.history import History, Sample
from windtunnel.spec.model import Spec, Window


@dataclass(frozen=True, kw_only=True)
class Spans:
    """When each window began and ended; a window that was never reached is absent."""

    windows: Mapping[Window, tuple[float, float]]
    injection: float
    """When the first act of breaking began (infinite: not yet)."""

    def window_of(self, sample: Sample) -> Window | None:
        """The sample's window; None between two windows."""
        for window, (start, end) in self.windows.items():
            if start <= sample.due < end:
                return "fault" if window == "baseline" and sample.end > self.injection else window
        return None


def spans(history: History, *, first_at: float = 0.0, recovered_since: float | None = None) -> Spans:
    """The windows of a history, also of one that is still being written.

    `first_at` is the smallest offset of a fault step. `recovered_since` is when recovery was reached; None: from the
    start of the phase.
    """
    phase, faulted = history.phase_start("fault"), history.fault_span()
    acknowledged = faulted[0] if faulted else math.inf
    injection = acknowledged if phase is None else min(acknowledged, phase + first_at)
    windows: dict[Window, tuple[float, float]] = {}
    if (start := history.phase_start("baseline")) is not None:
        windows["baseline"] = (start, injection)
    if faulted:
        windows["fault"] = (injection, faulted[1])
    done = history.phase_start("done")
    since = recovered_since if recovered_since is not None else history.phase_start("recovered")
    if since is not None:
        windows["recovered"] = (since, math.inf if done is None else done)
    return Spans(windows=windows, injection=injection)


def first_offset(spec: Spec) -> float:
    """When, in seconds from the start of the fault phase, the first step is due."""
    return min((step.at for step in spec.method), default=0.0)


def in_scope(sample: Sample, scope: str | None) -> bool:
    """A scope is a scenario, a route, or None for every request."""
    return scope is None or scope in (sample.scenario, sample.route)


def window_samples(
    history: History, window: Window, scope: str | None = None, *, of: Spans | None = None
) -> list[Sample]:
    """The samples of one window and scope, in order of their due time. Pass `of` to save working the windows out."""
    of = of or spans(history)
    return select(history.samples, of, window, scope)


def select(samples: Sequence[Sample], of: Spans, window: Window, scope: str | None = None) -> list[Sample]:
    """The same, of samples alone."""
    # As `window_of` says of each; asked of a hundred thousand samples a dozen times, it takes most of a verdict's time.
    own, before = (of.windows.get(name, (math.inf, -math.inf)) for name in (window, "baseline"))
    scoped = samples if scope is None else [sample for sample in samples if in_scope(sample, scope)]
    if window == "fault":
        met = [s for s in scoped if before[0] <= s.due < before[1] and s.end > of.injection]
        return [*met, *(s for s in scoped if own[0] <= s.due < own[1])]
    inside = [s for s in scoped if own[0] <= s.due < own[1]]
    return inside if window != "baseline" else [s for s in inside if s.end <= of.injection]
