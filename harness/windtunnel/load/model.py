"""What the harness tells the load generator, and what comes back. Both sides import this; neither imports the other.

The generator is a process of its own (gevent's patches stay out of pytest). They talk over one socket pair in JSON
lines: commands down, samples and reports up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from windtunnel.spec.model import MixEntry


@dataclass(frozen=True, kw_only=True)
class LoadPlan:
    """One run of load. It goes on until it is told to stop, so that phases can be extended."""

    scenarios: Path
    """A Python file; each scenario is a function of that name that takes a `Client`."""
    mix: tuple[MixEntry, ...]
    rate: float
    """Scenario arrivals per second."""
    arrival: Literal["constant", "poisson"]
    timeout: float
    """Seconds that a request may take, from being sent."""
    seed: int
    targets: Mapping[str, str]
    """Service name -> base URL of the client's edge to it: `{"orders": "http://127.0.0.1:23456"}`."""
