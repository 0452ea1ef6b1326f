"""Every toxic, by the type that the API knows it under: one file each, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windtunnel.proxy.toxics.bandwidth import Bandwidth
from windtunnel.proxy.toxics.base import Toxic
from windtunnel.proxy.toxics.http_base import HttpToxic
from windtunnel.proxy.toxics.http_corrupt_body import HttpCorruptBody
from windtunnel.proxy.toxics.http_delay import HttpDelay
from windtunnel.proxy.toxics.http_header import HttpHeader
from windtunnel.proxy.toxics.http_lose_answer import HttpLoseAnswer
from windtunnel.proxy.toxics.http_status import HttpStatus
from windtunnel.proxy.toxics.http_truncate import HttpTruncate
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
from windtunnel.proxy.toxics.witness import Witness

TOXICS: Mapping[str, type[Toxic[Any]]] = {
    "bandwidth": Bandwidth,
    "http_corrupt_body": HttpCorruptBody,
    "http_delay": HttpDelay,
    "http_header": HttpHeader,
    "http_lose_answer": HttpLoseAnswer,
    "http_status": HttpStatus,
    "http_truncate": HttpTruncate,
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
    "witness": Witness,
}

__all__ = ["TOXICS", "HttpToxic", "Toxic"]
