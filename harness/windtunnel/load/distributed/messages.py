"""The names of what coordinator and workers say to each other, through Locust's own channel."""

from __future__ import annotations

from typing import Final

PREPARE: Final = "windtunnel_prepare"
"""run, plan, share, scenarios_sha256"""
READY: Final = "windtunnel_ready"
"""run, error (None when all is well)"""
PING: Final = "windtunnel_ping"
"""run, asked"""
PONG: Final = "windtunnel_pong"
"""run, asked, told"""
GO: Final = "windtunnel_go"
"""run, start (on the worker's clock), keep_samples"""
REPORT: Final = "windtunnel_report"
"""run, number, offered, sent, exhausted, final, late, tally, rows"""
STOP: Final = "windtunnel_stop"
"""run, drain"""

DOWN: Final = (PREPARE, PING, GO, STOP)
UP: Final = (READY, PONG, REPORT)
