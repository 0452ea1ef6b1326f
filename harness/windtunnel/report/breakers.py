"""The states of circuit breakers over time, from the moments at which they were seen to change."""

from __future__ import annotations

from windtunnel.history import BreakerEvent, BreakerState, History

Stretch = tuple[float, float, BreakerState]
"""From, to (seconds of the history's clock), state."""


def stretches(history: History, end: float) -> dict[str, list[Stretch]]:
    """By breaker, how long it was in which state, until `end`. Empty when no service told."""
    seen: dict[str, list[BreakerEvent]] = {}
    for event in history.events:
        if isinstance(event, BreakerEvent):
            seen.setdefault(event.breaker, []).append(event)
    return {
        breaker: [
            (event.t, after.t if after else max(end, event.t), event.state)
            for event, after in zip(events, [*events[1:], None], strict=True)
        ]
        for breaker, events in sorted(seen.items())
    }


def moved(history: History, end: float) -> dict[str, list[Stretch]]:
    """Those that were not closed all the time."""
    return {
        breaker: states for breaker, states in stretches(history, end).items()
        if any(state != "closed" for _, _, state in states)
    }  # fmt: skip
