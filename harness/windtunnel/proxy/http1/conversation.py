"""What is said on one connection: which request is where, whose answer comes, and what the log is told of it.

    client_said ─▸ [sieve, while there are rules] ─▸ up link
    client_got  ◂─ sink ◂─ down link ◂─ [sieve, while toxics stand in the link] ◂─ server_said

While nothing stands in the down link, what the server says is what the client gets, and is read once, at the sink.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Protocol

from windtunnel.edge_requests import Ending
from windtunnel.proxy.alarm import Clock
from windtunnel.proxy.http1.answers import Answers
from windtunnel.proxy.http1.exchange import Exchange
from windtunnel.proxy.http1.head import RequestHead, UnreadableError, request_head, request_possible
from windtunnel.proxy.http1.links import MarkedLink
from windtunnel.proxy.http1.log import RequestLog
from windtunnel.proxy.http1.reader import Reader
from windtunnel.proxy.http1.sieve import PASSES, Sieve, Treatment
from windtunnel.proxy.installed import InstalledToxic

MOST_AWAITED = 20_000
"""Requests of one connection without an answer, before it is no longer followed: more than one read can bring."""
TUNNEL = "a tunnel (CONNECT)"


class Setting(Protocol):
    """What a conversation needs from its proxy."""

    @property
    def rules(self) -> Sequence[InstalledToxic]:
        """The HTTP toxics, in the order in which they were added."""

    @property
    def requests(self) -> RequestLog: ...


class Conversation:
    """Told of every byte, and passes every byte on."""

    def __init__(self, proxy: Setting, ordinal: int, up: MarkedLink, down: MarkedLink, clock: Clock) -> None:
        self._proxy, self._ordinal, self._up, self._down, self._clock = proxy, ordinal, up, down, clock
        self.answers_itself = False
        """The proxy has answered for the upstream at least once."""
        self._requests = Reader(request_possible, skips_blank_lines=True)
        self._request_sieve = Sieve(self._requests, up.pass_on, self._request, self._request_over)
        self._sifting = False
        self._latest: Exchange | None = None
        self._began = self._answer_began = 0.0
        self._given: Answers = Answers()
        """Answers where the client gets them."""
        self._said: Answers | None = None
        """Answers where the server says them; None while that is the same place."""
        self._answer_sieve = Sieve(self._given.reader, down.pass_on, self._answer_said, self._answer_said_over)
        self._gave_up = self._over = False

    def client_said(self, chunk: bytes) -> None:
        """Read from the client's socket."""
        if self._requests.lost:
            self._up.data(chunk)
            return
        if self._requests.between:
            self._began = self._clock()
        if self._sifting or self._proxy.rules:
            self._sift(chunk)
        elif self._up.direct:
            # The upstream works on it while it is read. (A toxic might end the connection, and with it the record.)
            self._up.data(chunk)
            self._read(chunk)
        else:
            self._read(chunk)
            self._up.data(chunk)
        self._note_loss(self._requests)

    def client_ended(self) -> None:
        """The client will say no more: what is kept of a head goes on."""
        self._request_sieve.flush()
        self._down.caller_left()

    def server_said(self, chunk: bytes) -> None:
        """Read from the upstream's socket."""
        said = self._settle()
        if said is None or said.reader.lost:
            self._down.data(chunk)
        else:
            self._insert_replies(said, at_once=True)
            self._answer_sieve.feed(chunk)
            self._note_loss(said.reader)

    def client_reads_on(self) -> None:
        """What is given to the client has room again."""
        if self._said is not None:
            self._insert_replies(self._said)

    def server_ended(self) -> None:
        """The server will say no more; an answer that lasts until then is complete."""
        said = self._settle()
        if said is not None:
            self._answer_sieve.flush()
            if said.reader.open_ended:
                self._answer_sieve.end()

    def client_got(self, chunk: bytes) -> None:
        """Given to the client's socket."""
        reader = self._given.reader
        if reader.lost or not chunk:
            return
        if reader.between:
            self._answer_began = self._clock()
        for _, raw in reader.feed(chunk):
            if raw is None:
                self._answer_given()
            elif (head := self._given.head(raw)) is not None and not head.interim:
                exchange = self._given.awaited[0]
                exchange.status, exchange.first_byte = head.status, self._answer_began
        if self._note_loss(reader):
            self._end_awaited("unread")

    def over(self, *, reset: bool) -> None:
        """The connection is. Harmless when repeated."""
        if self._over:
            return
        self._over = True
        given = self._given
        if given.reader.open_ended and self._down.ended and not reset:
            self._answer_given()
        elif given.awaited and not given.between:
            self._end_one(given.awaited.popleft(), "reset" if reset else "cut")
        self._end_awaited("reset" if reset else "no_answer")

    def _read(self, chunk: bytes) -> None:
        for _, head in self._requests.feed(chunk):
            if head is not None:
                self._request(head, kept=False)
            else:
                self._request_over()

    def _sift(self, chunk: bytes) -> None:
        if not self._sifting:
            self._sifting = True
            self._request_sieve.enter(self._requests)
        self._request_sieve.feed(chunk)
        self._sifting = not self._requests.lost and self._request_sieve.busy

    def _request(self, raw: bytes, *, kept: bool) -> Treatment:
        try:
            head = request_head(raw)
            if len(self._given.awaited) >= MOST_AWAITED:
                raise UnreadableError("too many requests without an answer")
        except UnreadableError as error:
            self._requests.lose(str(error))
            return PASSES
        exchange = self._latest = self._exchange(head)
        self._requests.body = head.body
        for answers in filter(None, (self._given, self._said)):
            answers.awaited.append(exchange)
        if head.tunnels:
            self._requests.lose(TUNNEL)
            for answers in filter(None, (self._given, self._said)):
                answers.reader.lose(TUNNEL)
            self._end_awaited("unread")
            return PASSES
        if not kept:
            return PASSES
        self._choose(exchange, head)
        if exchange.answered_here is not None:
            # A client that waits for leave to send its body may or may not send it now: only closing is unambiguous.
            exchange.closes = head.closes or head.expects
            if head.expects:
                self._reply(exchange)
            return Treatment(exchange=exchange, vanishes=True)
        return Treatment(exchange=exchange, body=copy(head.body)) if self._up.marked else Treatment()

    def _request_over(self) -> None:
        self._began = self._clock()
        if self._latest is not None and self._latest.answered_here is not None:
            self._reply(self._latest)

    def _exchange(self, head: RequestHead) -> Exchange:
        log = self._proxy.requests
        log.open += 1
        return Exchange(
            connection=self._ordinal,
            method=head.method,
            path=head.path,
            trace_id=head.trace_id,
            request_id=head.request_id,
            start=self._began,
            story=self._down.owner.story,
            nth=log.nth_of_kind(head.method, head.path),
        )

    def _choose(self, exchange: Exchange, head: RequestHead) -> None:
        """Ask the rule of every toxic; first of those that answer, because then nothing goes upstream."""
        for toxic in sorted(self._proxy.rules, key=lambda each: not each.answers):
            if exchange.answered_here is not None and (toxic.answers or toxic.needs_upstream):
                continue
            decision = toxic.decide(head, self._ordinal)
            if decision:
                exchange.chosen[toxic] = decision
                if toxic.answers:
                    exchange.answered_here = toxic

    def _reply(self, exchange: Exchange) -> None:
        if not exchange.due:
            exchange.due = self.answers_itself = True
            self._insert_replies(self._apart())

    def _insert_replies(self, said: Answers, *, at_once: bool = False) -> None:
        """Those that are next in turn, while the client takes them."""
        while said.awaited and said.awaited[0].due and (at_once or not self._down.paused):
            exchange = said.awaited.popleft()
            toxic = exchange.answered_here
            assert toxic is not None
            exchange.touch(toxic)
            self._speak(exchange, toxic.reply(exchange.method, closes=exchange.closes))
            if exchange.closes:
                self._down.closing = True
                self._down.eof()
                return

    def _speak(self, exchange: Exchange, answer: bytes) -> None:
        """The proxy's own answer, as if the server had said it."""
        reader = Answers()
        reader.awaited.append(exchange)

        def begin(raw: bytes, *, kept: bool) -> Treatment:
            head = reader.head(raw)
            assert head is not None
            return Treatment(exchange=exchange if self._down.marked else None, body=copy(head.body))

        Sieve(reader.reader, self._down.pass_on, begin, lambda: None).feed(answer)

    def _settle(self) -> Answers | None:
        """Read answers apart from where they are given as soon as toxics stand between, and no longer than that."""
        said, given = self._said, self._given
        if said is None:
            return None if self._down.direct else self._apart()
        same = said.between and given.between and len(said.awaited) == len(given.awaited)
        if self._down.direct and same and not said.reader.lost and not given.reader.lost:
            self._said = None
        return self._said

    def _apart(self) -> Answers:
        if self._said is None:
            self._said = self._given.copy()
            self._answer_sieve.enter(self._said.reader)
        return self._said

    def _answer_said(self, raw: bytes, *, kept: bool) -> Treatment:
        assert self._said is not None
        head = self._said.head(raw)
        if head is None or head.interim or not self._down.marked:
            return Treatment()
        return Treatment(exchange=self._said.awaited[0], body=copy(head.body))

    def _answer_said_over(self) -> None:
        assert self._said is not None
        self._said.over()
        self._insert_replies(self._said)

    def _answer_given(self) -> None:
        exchange = self._given.over()
        if exchange is not None:
            self._end_one(exchange, "cut" if exchange.spoilt else "complete")
        self._answer_began = self._clock()
        if self._note_loss(self._given.reader):
            self._end_awaited("unread")

    def _end_awaited(self, ended: Ending) -> None:
        """All that are left. Where answers can no longer be read, requests need not be."""
        if self._given.reader.lost and not self._requests.lost:
            self._requests.lose(self._given.reader.lost)
        while self._given.awaited:
            self._end_one(self._given.awaited.popleft(), ended)

    def _end_one(self, exchange: Exchange, ended: Ending) -> None:
        exchange.end, exchange.ended = self._clock(), ended
        self._proxy.requests.add(exchange)

    def _note_loss(self, reader: Reader) -> bool:
        """Whether it reads no more; the first reason on a connection is counted."""
        if reader.lost and not self._gave_up:
            self._gave_up = True
            self._proxy.requests.unread[reader.lost] += 1
        return bool(reader.lost)
