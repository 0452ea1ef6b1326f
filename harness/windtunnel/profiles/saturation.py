"""What was used up while a stage broke its promises: a service, the machine, or the load test itself.

A Python service runs one thread at a time, so it is full at one core, however many there are; a generator and the
embedded proxy are no different. What the operating system counted is all that is used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from windtunnel.history import History, UsageEvent
from windtunnel.profiles.usage import GENERATOR, PROXY

FULL: Final = 0.9
"""Of one core, for a part; at 0.9 a queue is ten times as long as the work."""
MACHINE_FULL: Final = 0.93
"""Of all cores."""
OTHERS_AT_MOST: Final = 0.25
"""Share of the machine that programs beside the run may have before a figure of a full machine says nothing."""
SHOWN: Final = 0.005
"""Of one core: less would be written as 0.00."""
SETTLING: Final = 1.0
"""Seconds after the end of a stage in which its last usage is still read."""

Kind = Literal["service", "machine", "nothing", "generator", "proxy", "others", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """What was full, in words, and the cores that each part used."""

    kind: Kind
    resource: str
    """The service's name, or what `kind` says."""
    words: str
    usage: dict[str, float]

    @property
    def ours(self) -> bool:
        """Whether it was the load test that was full, not the system, so that nothing is known of the system."""
        return self.kind in ("generator", "proxy", "others", "unknown")


def saturation(history: History, span: tuple[float, float]) -> Saturation:
    """Of the time of one stage."""
    start, end = span
    events = [e for e in history.events if isinstance(e, UsageEvent) and start < e.t - e.seconds / 2 < end + SETTLING]
    seconds = sum(event.seconds for event in events)
    if not seconds:
        return Saturation(kind="unknown", resource="unknown", words="nobody looked at the processors", usage={})
    names = dict.fromkeys(name for event in events for name in event.parts)
    usage = {name: sum(e.parts.get(name, 0.0) * e.seconds for e in events) / seconds for name in names}
    usage["others"] = max(0.0, sum(e.busy * e.seconds for e in events) / seconds - sum(usage.values()))
    return _name(usage, events[0].cores)


def _name(usage: dict[str, float], cores: int) -> Saturation:
    kind, resource, words = _fullest(usage, cores)
    seen = sorted(((used, name) for name, used in usage.items() if used >= SHOWN), reverse=True)
    shares = ", ".join(f"{name} {used:.2f}" for used, name in seen)
    rounded = {name: round(used, 3) for name, used in usage.items()}
    return Saturation(kind=kind, resource=resource, words=f"{words} (cores: {shares})", usage=rounded)


def _fullest(usage: dict[str, float], cores: int) -> tuple[Kind, str, str]:
    """Kind, resource and words. What is the load test's own goes first: then nothing is known of the system."""
    services = {name: used for name, used in usage.items() if name not in (GENERATOR, PROXY, "others")}
    own = usage.get(GENERATOR, 0.0) + usage.get(PROXY, 0.0)
    machine = sum(usage.values()) >= MACHINE_FULL * cores
    busiest = max(services, key=lambda name: services[name], default="nothing")
    rules: tuple[tuple[bool, tuple[Kind, str, str]], ...] = (
        (usage.get(GENERATOR, 0.0) >= FULL, ("generator", GENERATOR, "the load generator was full")),
        (usage.get(PROXY, 0.0) >= FULL, ("proxy", PROXY, "the proxy was full")),
        (
            machine and usage["others"] > OTHERS_AT_MOST * cores,
            ("others", "others", f"other programs had {usage['others']:.2f} of {cores} cores"),
        ),
        (services.get(busiest, 0.0) >= FULL, ("service", busiest, f"{busiest} was full")),
        (
            machine and own > sum(services.values()),
            ("generator", "generator and proxy", "generator and proxy had most of a full machine"),
        ),
        (machine, ("machine", "machine", f"all {cores} cores were full")),
    )
    nothing: tuple[Kind, str, str] = ("nothing", busiest, "no processor was full: a lock, a pool or a limit of its own")
    return next((found for holds, found in rules if holds), nothing)
