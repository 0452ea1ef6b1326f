"""The steady-state hypothesis: is the system healthy before anything is broken?

An experiment on a system that was ill before it began proves nothing, so an unmet probe is an ERROR.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from string import Template

import httpx

from windtunnel.history import ProbeEvent
from windtunnel.spec.model import Probe
from windtunnel.stack.base import Stack

Clock = Callable[[], float]


def probe_url(probe: Probe, stack: Stack) -> str:
    """The probe's URL with each `${service}` replaced by that service's own address."""
    values = {name: f"http://{stack.address(name)}" for name in stack.topology.services}
    return Template(probe.url).safe_substitute(values)


def try_probe(probe: Probe, stack: Stack, clock: Clock = time.monotonic) -> ProbeEvent:
    """Ask once. Never raises: no answer is an unmet probe with the reason."""
    try:
        answer = httpx.get(probe_url(probe, stack), timeout=probe.timeout, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return ProbeEvent(t=clock(), probe=probe.name, met=False, detail=f"{type(error).__name__}: {error}")
    met = answer.status_code in probe.tolerance
    wanted = " or ".join(map(str, probe.tolerance))
    detail = "" if met else f"answered {answer.status_code} instead of {wanted}"
    return ProbeEvent(t=clock(), probe=probe.name, met=met, detail=detail)


def await_steady_state(
    probes: tuple[Probe, ...], stack: Stack, *, patience: float = 10.0, clock: Clock = time.monotonic
) -> Iterator[ProbeEvent]:
    """Each probe's last event: met, or still unmet after `patience` seconds in all."""
    deadline = clock() + patience
    for probe in probes:
        event = try_probe(probe, stack, clock)
        while not event.met and clock() < deadline:
            time.sleep(0.1)  # the pause between two tries of a condition that is awaited
            event = try_probe(probe, stack, clock)
        yield event
