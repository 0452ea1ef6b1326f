"""Every toxic, by the type that the API knows it under: one file each, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windtunnel.proxy.toxics.bandwidth import Bandwidth
from windtunnel.proxy.toxics.base import Toxic
from windtunnel.proxy.toxics.latency import Latency
from windtunnel.proxy.toxics.limit_data import LimitData
from windtunnel.proxy.toxics.noop import Noop
from windtunnel.proxy.toxics.reset_peer import ResetPeer
from windtunnel.proxy.toxics.slow_close import SlowClose
from windtunnel.proxy.toxics.timeout import Timeout
from windtunnel.proxy.toxics.witness import Witness

TOXICS: Mapping[str, type[Toxic[Any]]] = {
    "bandwidth": Bandwidth,
    "latency": Latency,
    "limit_data": LimitData,
    "noop": Noop,
    "reset_peer": ResetPeer,
    "slow_close": SlowClose,
    "timeout": Timeout,
    "witness": Witness,
}

__all__ = ["TOXICS", "Toxic"]
