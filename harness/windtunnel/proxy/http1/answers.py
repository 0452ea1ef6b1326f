"""Answers in one place of a connection, each with its request: they come in order (RFC 9112, section 9.3.2)."""

from __future__ import annotations

from collections import deque

from windtunnel.proxy.http1.exchange import Exchange
from windtunnel.proxy.http1.head import AnswerHead, UnreadableError, answer_head, answer_possible
from windtunnel.proxy.http1.reader import Reader

UPGRADED = "the connection was upgraded"


class Answers:
    """A reader, and the requests whose answers have not come by yet."""

    def __init__(self) -> None:
        self.reader = Reader(answer_possible, skips_blank_lines=False)
        self.awaited: deque[Exchange] = deque()
        self._interim = self._upgrades = False

    def copy(self) -> Answers:
        """The same, to go on in another place."""
        twin = Answers()
        twin.reader, twin.awaited = self.reader.copy(), deque(self.awaited)
        twin._interim, twin._upgrades = self._interim, self._upgrades
        return twin

    @property
    def between(self) -> bool:
        return self.reader.between and not self._interim

    def head(self, raw: bytes) -> AnswerHead | None:
        """A head has come; None when it cannot be read. Of the first awaited request, unless it is an interim one."""
        try:
            if not self.awaited or (self.awaited[0].answered_here and not self.awaited[0].due):
                raise UnreadableError("an answer without a request")
            head = answer_head(raw, self.awaited[0].method)
        except UnreadableError as error:
            self.reader.lose(str(error))
            return None
        self.reader.body, self._interim, self._upgrades = head.body, head.interim, head.status == 101
        return head

    def over(self) -> Exchange | None:
        """An answer is complete: whose it was, None when it was an interim one."""
        if self._interim:
            self._interim = False
            return None
        exchange = self.awaited.popleft()
        if self._upgrades:
            self.reader.lose(UPGRADED)
        return exchange
