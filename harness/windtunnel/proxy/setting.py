"""What every proxy of one server shares."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from dataclasses import dataclass

from windtunnel.proxy.alarm import Clock


@dataclass(frozen=True, kw_only=True)
class Setting:
    """`dial_timeout`: seconds until an upstream that does not answer counts as unreachable."""

    loop: AbstractEventLoop
    clock: Clock
    seed: int
    dial_timeout: float
