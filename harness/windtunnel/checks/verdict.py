"""What a judgement is made of. A check that crashes, or cannot tell, is `unknown`; unknown is never a pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Judgement = Literal["passed", "failed", "unknown"]
Outcome = Literal["PASS", "FAIL", "ERROR", "SKIP", "XFAIL"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One expectation, judged. `message` is one line with figure, limit and sample size:

    `fault/place_order p99 < 1500ms: got 5004ms (n=601, 14% over)`.
    """

    expectation: str
    """Its name, as `known_weakness` would write it."""
    judgement: Judgement
    message: str
    observed: float | None = None
    """The figure (seconds, share or count), None where there is none."""
    samples: int | None = None


@dataclass(frozen=True, kw_only=True)
class WindowFigures:
    """What one window looked like. Latencies in seconds; None without samples."""

    samples: int
    error_rate: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    degraded_rate: float | None = None
    """Share of requests that were answered as `degrades_to` documents it for the edges of this experiment."""


@dataclass(frozen=True, kw_only=True)
class RecoveryFigure:
    """Seconds from removal to recovery; `censored` means: not within the limit, so only "> seconds" is known."""

    seconds: float | None
    censored: bool
    limit: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of one experiment, with every finding behind it."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    windows: dict[str, WindowFigures] = field(default_factory=dict)
    """Keys: a window, or `window/scope`."""
    recovery: RecoveryFigure | None = None
    errors: tuple[str, ...] = ()
    """Why the verdict is ERROR (or SKIP): one line each."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """One line for everything that did not pass."""
        return self.errors + tuple(f.message for f in self.findings if f.judgement != "passed")
