"""A connection whose HTTP is followed: the same two sockets and links, with a conversation that hears what passes."""

from __future__ import annotations

import asyncio
from typing import Protocol

from windtunnel.proxy.connection import Connection, Home, Side
from windtunnel.proxy.history import Flow
from windtunnel.proxy.http1.conversation import Conversation, Setting
from windtunnel.proxy.http1.links import MarkedLink
from windtunnel.proxy.link import Link, Sink


class HttpHome(Home, Setting, Protocol):
    """What such a connection needs from its proxy."""


class ClientSide(Side):
    """The client's socket."""

    conversation: Conversation

    def data_received(self, data: bytes) -> None:
        self.conversation.client_said(data)

    def eof_received(self) -> bool:
        self.conversation.client_ended()
        return super().eof_received()

    def sink(self, transport: asyncio.Transport) -> Sink:
        return HeardSink(transport, self.conversation)

    def wait(self) -> bool:
        # Answers of the proxy's own come from requests alone: who does not read them is not asked for more.
        return super().wait() or (self.conversation.answers_itself and self.drains.paused)


class ServerSide(Side):
    """The upstream's socket."""

    conversation: Conversation

    def data_received(self, data: bytes) -> None:
        self.conversation.server_said(data)

    def eof_received(self) -> bool:
        self.conversation.server_ended()
        return super().eof_received()


class HeardSink:
    """The client's transport; the conversation hears what is written to it."""

    def __init__(self, transport: asyncio.Transport, conversation: Conversation) -> None:
        self._transport, self._conversation = transport, conversation

    def write(self, data: bytes, /) -> None:
        self._transport.write(data)
        self._conversation.client_got(data)

    def is_closing(self) -> bool:
        return self._transport.is_closing()


class HttpConnection(Connection):
    """Made in place of a `Connection` on proxies with `"http": true`."""

    def __init__(self, proxy: HttpHome, ordinal: int) -> None:
        super().__init__(proxy, ordinal)
        assert isinstance(self.up, MarkedLink)
        assert isinstance(self.down, MarkedLink)
        self._was_reset = False
        self._conversation = Conversation(proxy, ordinal, self.up, self.down, proxy.setting.clock)
        client = ClientSide(self, feeds=self.up, drains=self.down)
        upstream = ServerSide(self, feeds=self.down, drains=self.up)
        client.conversation = upstream.conversation = self._conversation
        self.client, self.upstream = client, upstream

    def side_lost(self, side: Side, *, reset: bool) -> None:
        self._was_reset |= reset
        super().side_lost(side, reset=reset)

    def throttle(self, link: Link) -> None:
        super().throttle(link)
        if link is self.down:
            if not link.paused:
                self._conversation.client_reads_on()
            self.client.throttle()

    def reset(self) -> None:
        self._was_reset = True
        super().reset()

    def _stop(self) -> None:
        super()._stop()
        self._conversation.over(reset=self._was_reset)

    def _link(self, flow: Flow) -> Link:
        setting = self._proxy.setting
        return MarkedLink(ordinal=self._ordinal, owner=self, loop=self._loop, clock=setting.clock, flow=flow)
