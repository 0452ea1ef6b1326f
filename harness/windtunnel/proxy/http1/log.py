"""The requests of one proxy that have ended: a ring, so that its memory is bounded."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict, deque
from itertools import islice

from windtunnel.edge_requests import FORMAT, kind_of_path
from windtunnel.proxy.http1.exchange import Exchange

KEPT = 10_000
PAGE = 1000
"""Requests of one answer of the API: more would hold up the event loop."""
MOST_KINDS = 10_000


class RequestLog:
    """Belongs to the server's event loop."""

    def __init__(self, kept: int = KEPT) -> None:
        self.open = 0
        """Requests that have not ended yet."""
        self.unread: Counter[str] = Counter()
        """Connections that could not be followed, by reason."""
        self._ended: deque[Exchange] = deque(maxlen=kept)
        self._count = 0
        self._kinds: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._anchor = {"monotonic": time.monotonic(), "wall": time.time()}

    def nth_of_kind(self, method: str, path: str) -> int:
        """Count one more of its kind."""
        kind = method, kind_of_path(path)
        nth = self._kinds.pop(kind, 0) + 1
        self._kinds[kind] = nth
        if len(self._kinds) > MOST_KINDS:
            self._kinds.popitem(last=False)
        return nth

    def add(self, exchange: Exchange) -> None:
        """It has ended."""
        self.open -= 1
        self._count += 1
        self._ended.append(exchange)

    def page(self, since: int) -> dict[str, object]:
        """Requests number `since` + 1 and on, at most 1000 of them, as the API tells it."""
        dropped = self._count - len(self._ended)
        first = max(since, dropped)
        wanted = list(islice(self._ended, first - dropped, first - dropped + PAGE))
        last = min(first + len(wanted), self._count)
        return {
            "format": FORMAT,
            "anchor": self._anchor,
            "next": last,
            "more": last < self._count,
            "missed": max(dropped - since, 0),
            "dropped": dropped,
            "open": self.open,
            "unread": dict(self.unread),
            "requests": [_entry(seq, exchange) for seq, exchange in enumerate(wanted, first + 1)],
        }


def _entry(seq: int, exchange: Exchange) -> dict[str, object]:
    return {
        "seq": seq,
        "connection": exchange.connection,
        "method": exchange.method,
        "path": exchange.path,
        "status": exchange.status,
        "start": exchange.start,
        "first_byte": exchange.first_byte,
        "end": exchange.end,
        "ended": exchange.ended,
        "nth": exchange.nth,
        "trace_id": exchange.trace_id,
        "request_id": exchange.request_id,
        "touched_by": exchange.touched_by,
    }
