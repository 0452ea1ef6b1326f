"""Every toxic, by the type that the API knows it under: one file each, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windtunnel.proxy.toxics.bandwidth import Bandwidth
from windtunnel.proxy.toxics.base import Toxic
from windtunnel.proxy.toxics.latency import Latency
from windtunnel.proxy.toxics.limit_data import LimitData
from windtunnel.proxy.toxics.noop import Noop
from windtunnel.proxy.toxics.packet_loss import PacketLoss
from windtunnel.proxy.toxics.refuse import Refuse
from windtunnel.proxy.toxics.reset_peer import ResetPeer
from windtunnel.proxy.toxics.shared_bandwidth import SharedBandwidth
from windtunnel.proxy.toxics.slicer import Slicer
from windtunnel.proxy.toxics.slow_accept import SlowAccept
from windtunnel.proxy.toxics.slow_close import SlowClose
from windtunnel.proxy.toxics.timeout import Timeout

TOXICS: Mapping[str, type[Toxic[Any]]] = {
    "bandwidth": Bandwidth,
    "latency": Latency,
    "limit_data": LimitData,
    "noop": Noop,
    "packet_loss": PacketLoss,
    "refuse": Refuse,
    "reset_peer": ResetPeer,
    "shared_bandwidth": SharedBandwidth,
    "slicer": Slicer,
    "slow_accept": SlowAccept,
    "slow_close": SlowClose,
    "timeout": Timeout,
}

__all__ = ["TOXICS", "Toxic"]
