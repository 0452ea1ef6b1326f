"""The injection rule: whether one toxic acts on one request.

looks right (method, path, headers) ─▸ counted in its scope ─▸ selected by the count ─▸ spared by chance?
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from windtunnel.proxy.http1.head import RequestHead
from windtunnel.request_match import RequestMatch, path_pattern, text_pattern

MOST_SCOPES = 10_000
"""Traces, or connections, that are counted apart; the one not seen for longest is forgotten first."""
CANARY = "windtunnel-canary"
"""How the user agent of our own canaries begins. Only a rule that names `user-agent` applies to them, so that no
proof uses up what is counted, or meets a fault that it does not look for."""


class RequestRule:
    """The counts of one toxic since it was armed."""

    def __init__(self, match: RequestMatch) -> None:
        self.match = match
        self._path = path_pattern(match.path) if match.path else None
        self._headers = {name: text_pattern(text) for name, text in match.headers.items()}
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._decisions = 0

    def decide(self, head: RequestHead, connection: int, spared: Callable[[int], bool]) -> int:
        """The number of this decision, counted from 1, when the toxic is to act; 0 when it is not.

        `spared(n)` is what chance says of the n-th request that the rule selects.
        """
        key = self._key(head, connection)
        if key is None or not self._looks_right(head):
            return 0
        ordinal = self._counts.pop(key, 0) + 1
        self._counts[key] = ordinal
        if len(self._counts) > MOST_SCOPES:
            self._counts.popitem(last=False)
        if not self.match.selects(ordinal):
            return 0
        self._decisions += 1
        return 0 if spared(self._decisions) else self._decisions

    def _looks_right(self, head: RequestHead) -> bool:
        match = self.match
        if match.method and match.method != head.method:
            return False
        if self._path is not None and not self._path.fullmatch(head.path):
            return False
        if head.user_agent.startswith(CANARY) and "user-agent" not in self._headers:
            return False
        return all(any(map(text.fullmatch, head.headers.get(name, ()))) for name, text in self._headers.items())

    def _key(self, head: RequestHead, connection: int) -> str | None:
        """What is counted apart; None for a request without a trace where traces are counted."""
        if self.match.scope == "trace":
            return head.trace_id or head.request_id or None
        return str(connection) if self.match.scope == "connection" else ""
