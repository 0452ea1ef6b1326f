"""How the orders service's outbound calls are protected. All of it, in one place.

A POST /orders makes three calls, one after the other. With one of them black-holed it answers in its deadline and what
the other two take: about a second. Deadlines include all attempts.
"""

from __future__ import annotations

from resilience import BreakerSettings, EdgePolicy, RetrySettings
from storefront.shared.peers import switch_names

_BREAKER = BreakerSettings(window=20, minimum_calls=10, failure_rate=0.5, open_for=2.0, probes=3)
_RETRY = RetrySettings(attempts=3, base=0.2)

POLICIES = {
    "users": EdgePolicy(deadline=0.9, retry=_RETRY, breaker=_BREAKER),
    "inventory": EdgePolicy(deadline=0.9, retry=_RETRY, breaker=_BREAKER),
    # Longer than what payments gives the bank (0.6 s), so that its answer, whatever it is, gets here.
    "payments": EdgePolicy(deadline=0.9, retry=_RETRY, breaker=_BREAKER),
    # No client waits for this one, and a mail takes several steps of its own.
    "notifications": EdgePolicy(deadline=3.0, retry=_RETRY, breaker=_BREAKER),
}

SWITCHES = (*switch_names(POLICIES), "idempotency", "charge_key", "compensation", "outbox", "problem_details")
"""What POLICIES_OFF may name. Besides the policies of each edge:

`idempotency`      a repeated Idempotency-Key makes a second order
`charge_key`       every attempt at payments carries a new key
`compensation`     stock stays held when an order fails
`outbox`           the mail is sent while the client waits
`problem_details`  a dependency's failure becomes a bare 500
"""
