"""Waiting until a system has come to rest: no backlog, every breaker closed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from windtunnel.errors import NotQuietError
from windtunnel.stack.base import Address
from windtunnel.stack.readiness import ask

POLL = 0.05
"""Seconds between two rounds of questions."""
IN_A_ROW = 2
"""Rounds in which every service must be at rest: work may be on its way from one to another."""


def await_quiet(
    places: Mapping[str, tuple[Address, str]],
    patience: float,
    *,
    redact: Callable[[str], str],
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Ask all services, by name with address and path, until all answer 200 in two rounds running.

    Raises `NotQuietError`, with what each restless service last said, after `patience` seconds.
    """
    deadline, rounds = clock() + patience, 0
    while rounds < IN_A_ROW:
        restless = [line for name, (address, path) in places.items() if (line := _restless(name, address, path))]
        rounds = 0 if restless else rounds + 1
        if restless and clock() > deadline:
            raise NotQuietError(redact(f"not at rest after {patience:g}s: {'; '.join(restless)}"))
        if rounds < IN_A_ROW:
            pause(POLL)


def _restless(name: str, address: Address, path: str) -> str | None:
    status, body = ask(address, path, timeout=2.0)
    if status == 200:
        return None
    return f"{name} answered {status} on {path}: {body[:300]}" if status else f"{name} did not answer on {path}: {body}"
