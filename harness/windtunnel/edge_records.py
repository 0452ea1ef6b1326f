"""The edge record in sums and by connection: what passed through one proxy, whatever it spoke.

Only our own proxy keeps it, or one of ours that stands before another Toxiproxy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class EdgeRecord:
    """What passed through a proxy since it was created; counters only grow."""

    connections: int
    """Client connections accepted."""
    open: int
    """Of those, open now."""
    forwarded: int
    """Connections for which the upstream was reached."""
    bytes_up: int
    bytes_down: int
    touched: Mapping[str, int] = field(default_factory=dict)
    """By toxic name: links (a connection's one direction) on which that toxic acted on data or on a close; requests,
    where it is a toxic on HTTP requests."""


@dataclass(frozen=True, kw_only=True)
class ConnectionRecord:
    """What became of one connection. Times are seconds of the server's monotonic clock; None: not yet, or never."""

    ordinal: int
    """Its number among the proxy's connections, from 1."""
    opened: float
    reached: float | None
    """When the upstream was reached."""
    closed: float | None
    why: str
    """What ended it: `client closed`, `client reset`, `upstream closed`, `upstream reset`, `upstream unreachable`,
    `toxic NAME`, or `proxy` (disabled, changed, deleted, stopped); empty while nothing has."""
    decided: Mapping[str, bool]
    """By toxic name: whether it acts on this connection. A function of the seed, the names, the direction and the
    ordinal. At most 100."""
    touched: tuple[str, ...]
    """Names of the toxics that did act, in the order in which they first did. At most 100."""
    bytes_up: int
    bytes_down: int


@dataclass(frozen=True, kw_only=True)
class ConnectionLog:
    """The newest connections of a proxy (at most 1000), oldest first, and how many older ones are not in it."""

    connections: tuple[ConnectionRecord, ...]
    dropped: int


def read_log(body: Mapping[str, Any]) -> ConnectionLog:
    """From the API's answer."""
    records = (ConnectionRecord(**{**record, "touched": tuple(record["touched"])}) for record in body["connections"])
    return ConnectionLog(connections=tuple(records), dropped=body["dropped"])
