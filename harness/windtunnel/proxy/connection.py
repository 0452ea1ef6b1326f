"""One client connection: two sockets, and a link each way between them.

    client's socket ── Side ─▸ up   ─▸ Side ── upstream's socket
                         └──◂ down ◂──┘

The upstream is dialled when the client has come; what the client says meanwhile is kept. A half-close is carried
through as a half-close, a reset as a reset. The connection is over when both sockets are gone.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Protocol, cast

from windtunnel.proxy.gate import Gate
from windtunnel.proxy.history import Flow, Story
from windtunnel.proxy.installed import InstalledToxic
from windtunnel.proxy.link import Link, Sink
from windtunnel.proxy.record import EdgeCounters
from windtunnel.proxy.setting import Setting

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on with 0 seconds: close sends RST."""
WRITE_BUFFER = 256 * 1024
"""Bytes a socket's buffer may hold before its source is paused."""


class Home(Protocol):
    """What a connection needs from its proxy."""

    @property
    def setting(self) -> Setting: ...

    @property
    def record(self) -> EdgeCounters: ...

    @property
    def upstream_address(self) -> tuple[str, int]:
        """Raises `ValueError` when the upstream is not `host:port`."""

    def admit(self, connection: Connection) -> bool:
        """Take a new connection in; False when the proxy is closed to it."""

    def forget(self, connection: Connection) -> None:
        """The connection is over."""


class Side(asyncio.Protocol):
    """One socket. What is read from it feeds one link, what is written to it drains the other."""

    def __init__(self, connection: Connection, feeds: Link, drains: Link) -> None:
        self.feeds, self.drains = feeds, drains
        self.transport: asyncio.Transport | None = None
        self._connection = connection
        self._saw_end = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are not registered as such
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self._connection.side_made(self)

    def data_received(self, data: bytes) -> None:
        self.feeds.data(data)

    def eof_received(self) -> bool:
        self._saw_end = True
        self._connection.side_ended(self, "closed")
        self.feeds.eof()
        return True  # keep the other direction open

    def pause_writing(self) -> None:
        self.drains.block(True)

    def resume_writing(self) -> None:
        self.drains.block(False)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._connection.side_lost(self, reset=exc is not None)

    def sink(self, transport: asyncio.Transport) -> Sink:
        """What the link that ends here writes to."""
        return transport

    def wait(self) -> bool:
        """Whether this socket should not be read now."""
        return self.feeds.paused

    def throttle(self) -> None:
        """Read, or do not, as the link that is fed wants it."""
        if self.transport is None or self._saw_end or self.transport.is_closing():
            return
        if self.wait():
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def write_eof(self) -> None:
        """Half-close, after what is still in the buffer."""
        if self.transport is not None and not self.transport.is_closing():
            # asyncio's loop lets the error through when the peer has reset the connection; that is told elsewhere.
            with suppress(OSError):
                self.transport.write_eof()

    def reset_on_close(self) -> None:
        """Make the coming close a RST, whenever the connection was opened."""
        if self.transport is not None:
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


class Connection:
    """A client's connection and its counterpart at the upstream."""

    def __init__(self, proxy: Home, ordinal: int) -> None:
        self._proxy, self._ordinal = proxy, ordinal
        self._loop = proxy.setting.loop
        self._dialling: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._over = False
        self.story = Story(ordinal, proxy.setting.clock())
        self._gate = Gate(owner=self, loop=self._loop, clock=proxy.setting.clock)
        self.up = self._link(self.story.up)
        self.down = self._link(self.story.down)
        self.client = Side(self, feeds=self.up, drains=self.down)
        self.upstream = Side(self, feeds=self.down, drains=self.up)

    def link(self, installed: InstalledToxic) -> Link | Gate:
        """Where this toxic acts: on a link, or at the gate."""
        if installed.at_connect:
            return self._gate
        return self.up if installed.stream == "upstream" else self.down

    def side_made(self, side: Side) -> None:
        """A socket is there: first the client's, then the upstream's."""
        assert side.transport is not None
        if self._over or (side is self.client and not self._proxy.admit(self)):
            transport, side.transport = side.transport, None
            transport.abort()
            return
        side.drains.attach(side.sink(side.transport))
        if side is self.client:
            self._gate.open()
        else:
            self._proxy.record.forwarded += 1
            self.story.reached = self._proxy.setting.clock()
            side.throttle()

    def let_in(self) -> None:
        """Reach for the upstream."""
        self._dialling = self._loop.create_task(self._dial())
        self._dialling.add_done_callback(self._dialled)
        # A timer costs a third of `asyncio.timeout`, and every connection pays for it.
        self._patience = self._loop.call_later(self._proxy.setting.dial_timeout, self._stop_dialling)

    def side_lost(self, side: Side, *, reset: bool) -> None:
        """A socket is gone: by our own hand, or because its peer reset it."""
        if not self._over:
            self.side_ended(side, "reset" if reset else "closed")
            side.drains.stop()
            side.feeds.closing = True
            side.feeds.broken |= reset
            if side.feeds.ended:
                self._finish(side.feeds)
            else:
                # What a toxic holds still reaches the other side; then the end does.
                side.feeds.eof()
        self._forget_when_gone()

    def side_ended(self, side: Side, how: str) -> None:
        """A peer closed (its direction, at least) or reset."""
        self.story.because(f"{'client' if side is self.client else 'upstream'} {how}")

    def throttle(self, link: Link) -> None:
        (self.client if link is self.up else self.upstream).throttle()

    def link_ended(self, link: Link) -> None:
        if link.closing or link.broken or (self.up.ended and self.down.ended):
            self._finish(link)
        else:
            (self.upstream if link is self.up else self.client).write_eof()

    def close(self) -> None:
        """End it; what is in the sockets' buffers is still sent."""
        self._stop()
        for side in (self.client, self.upstream):
            if side.transport is not None:
                side.transport.close()

    def abort(self) -> None:
        """End it now."""
        self.story.because("proxy")
        self._stop()
        for side in (self.client, self.upstream):
            if side.transport is not None:
                side.transport.abort()

    def reset(self) -> None:
        """End it now, and with RST."""
        for side in (self.client, self.upstream):
            side.reset_on_close()
        self.abort()

    def _finish(self, link: Link) -> None:
        if link.broken:
            for side in (self.client, self.upstream):
                side.reset_on_close()
        self.close()

    def _stop(self) -> None:
        self._over = True
        self._gate.stop()
        self.up.stop()
        self.down.stop()
        self._stop_dialling()

    def _stop_dialling(self) -> None:
        # Once the socket is there, cancelling would close it before its buffer is sent.
        if self._dialling is not None and self.upstream.transport is None:
            self._dialling.cancel()

    async def _dial(self) -> None:
        reached = False
        try:
            host, port = self._proxy.upstream_address
            await self._loop.create_connection(lambda: self.upstream, host, port)
            reached = True
        except (OSError, ValueError):
            pass  # the client sees its connection end
        finally:
            if not reached:
                # uvloop closes a transport that it had made by then, and does not tell its protocol.
                self.upstream.transport = None
                self.story.because("upstream unreachable")
                self.close()

    def _dialled(self, _: asyncio.Task[None]) -> None:
        self._dialling = None
        if self._patience is not None:
            self._patience.cancel()
        self._forget_when_gone()

    def _forget_when_gone(self) -> None:
        if self.client.transport is None and self.upstream.transport is None and self._dialling is None:
            if not self._over:
                self._stop()
            self._proxy.forget(self)

    def _link(self, flow: Flow) -> Link:
        setting = self._proxy.setting
        return Link(ordinal=self._ordinal, owner=self, loop=self._loop, clock=setting.clock, flow=flow)
