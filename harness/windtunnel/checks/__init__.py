"""Judging: pure functions from a history to findings, composed into a verdict.

History ─> windows ─> slo, recovery, invariants ─> findings ─┐
       └─> faults, generator, conduct ─> doubts ─────────────┴─> Verdict
"""

from windtunnel.checks.judgement import CHECKS, judge
from windtunnel.checks.recovery import recovered_at
from windtunnel.checks.slo import judge_window, undecided
from windtunnel.checks.verdict import Finding, Judgement, RecoveryFigure, Verdict, WindowFigures
from windtunnel.checks.windows import window_samples

__all__ = [
    "CHECKS",
    "Finding",
    "Judgement",
    "RecoveryFigure",
    "Verdict",
    "WindowFigures",
    "judge",
    "judge_window",
    "recovered_at",
    "undecided",
    "window_samples",
]
