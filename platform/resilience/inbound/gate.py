"""The seam of the inbound side: a gate looks at a request before anything is done for it, and may refuse it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from resilience.deadline import Due


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a request is not worked on, and how it is answered."""

    status: int
    kind: str
    """A short name for machines, such as `rate-limited`."""
    detail: str
    """One sentence for people."""
    retry_after: float | None = None
    """Seconds after which it is worth coming again."""


@dataclass(kw_only=True, slots=True)
class Arrival:
    """One request at the door."""

    client: str
    """The address of the connection's other end. No header: whoever sends a header can write into it what they like."""
    at: float
    """When it came, on the guard's clock."""
    timeout: float | None = None
    """Seconds that the caller will wait, as it says; None when it does not say."""
    due: Due | None = field(default=None)
    """When it must be done; set by the deadline's gate."""


class Gate(Protocol):
    """Lets a request in or refuses it. Called from many threads."""

    name: str
    """As in the policy file."""
    refused: int
    """How many so far."""

    def enter(self, arrival: Arrival) -> Refusal | None:
        """None lets it in."""


class Turnstile(Gate, Protocol):
    """A gate that also wants to know when a request which it let in is over."""

    def leave(self, arrival: Arrival, now: float) -> None:
        """Called once for each request that was let in, however it ended."""


class Open:
    """Lets everybody in: the no-op."""

    name = "open"
    refused = 0

    def enter(self, arrival: Arrival) -> Refusal | None:
        return None
