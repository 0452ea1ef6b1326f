"""The inbound side of a WSGI service: what is refused at the door, and how a service says that it is going.

    guard = Guard(app.wsgi_app, gates(policy), life=life, problem_prefix="urn:shop:problem:")
    app.wsgi_app = guard

`policy.py` holds the order of the gates, once; a gate is one file and follows `gate.Gate`. Every refusal is a problem
document (RFC 9457), with `Retry-After` where coming again makes sense. Health and metrics are never refused.
State is kept per process: four worker processes have four limits.
"""

from __future__ import annotations

from resilience.inbound.deadline import PASSED, DeadlineGate
from resilience.inbound.gate import Arrival, Gate, Open, Refusal, Turnstile
from resilience.inbound.guard import Guard
from resilience.inbound.life import Life
from resilience.inbound.limit import Aimd, ConcurrencyLimit, LimitSettings, require_fit
from resilience.inbound.policy import InboundPolicy, gates
from resilience.inbound.problem import MEDIA_TYPE, document
from resilience.inbound.rate_limit import RateLimit, RateLimitSettings

__all__ = [
    "MEDIA_TYPE",
    "PASSED",
    "Aimd",
    "Arrival",
    "ConcurrencyLimit",
    "DeadlineGate",
    "Gate",
    "Guard",
    "InboundPolicy",
    "Life",
    "LimitSettings",
    "Open",
    "RateLimit",
    "RateLimitSettings",
    "Refusal",
    "Turnstile",
    "document",
    "gates",
    "require_fit",
]
