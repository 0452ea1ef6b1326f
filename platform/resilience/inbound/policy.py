"""What stands at the door of a service, and in which order: written once, here.

    request ──> deadline ──> rate_limit ──> limit ──> the application
                  504           429           503

Late work first, since it is worth nothing to anybody; then whose fault it is; then how much there is in all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resilience.errors import require_range
from resilience.inbound.deadline import DeadlineGate
from resilience.inbound.gate import Gate
from resilience.inbound.limit import ConcurrencyLimit, LimitSettings
from resilience.inbound.rate_limit import RateLimit, RateLimitSettings


@dataclass(frozen=True, kw_only=True)
class InboundPolicy:
    """Which gates a service has. None is that gate switched off. Raises SettingsError."""

    deadline: float | None = None
    """Seconds that any request may take, where its caller does not ask for less; 0.001 to 3600."""
    rate_limit: RateLimitSettings | None = None
    limit: LimitSettings | None = None

    def __post_init__(self) -> None:
        if self.deadline is not None:
            require_range("deadline", self.deadline, 0.001, 3600)


def gates(policy: InboundPolicy, clock: Callable[[], float] = time.monotonic) -> Sequence[Gate]:
    """The gates, outermost first."""
    found: list[Gate] = []
    if policy.deadline is not None:
        found.append(DeadlineGate(policy.deadline, clock))
    if policy.rate_limit is not None:
        found.append(RateLimit(policy.rate_limit, clock))
    if policy.limit is not None:
        found.append(ConcurrencyLimit(policy.limit))
    return found
