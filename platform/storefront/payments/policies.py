"""How the payments service's outbound calls are protected. All of it, in one place.

orders waits 0.9 s for us  >  we wait 0.6 s for the bank, so that orders hears what happened
"""

from __future__ import annotations

from resilience import BreakerSettings, EdgePolicy, RetrySettings
from storefront.shared.peers import switch_names

POLICIES = {
    "bank": EdgePolicy(
        deadline=0.6,
        retry=RetrySettings(attempts=3, base=0.1),
        breaker=BreakerSettings(window=20, minimum_calls=10, failure_rate=0.5, open_for=2.0, probes=3),
    ),
}

SWITCHES = (*switch_names(POLICIES), "problem_details")
"""What POLICIES_OFF may name."""
