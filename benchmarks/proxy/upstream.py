"""The server behind every proxy. One port answers small requests, one sends as many bytes as it is asked for, and one
answers after as many milliseconds."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

import uvloop
from benchmarks.proxy.wire import ANSWER, REQUEST, pin

BLOCK = bytes(256 * 1024)


class Answering(asyncio.Protocol):
    """One answer for each request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER * (len(data) // len(REQUEST)))


class Waiting(asyncio.Protocol):
    """`300\\n` is answered after 300 ms: how late a plain timer is on this machine, with no proxy between."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(int(data) / 1000, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(ANSWER)


class Pouring(asyncio.Protocol):
    """`1000\\n` is answered with 1000 bytes, as fast as they are taken."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._left, self._writable = 0, True

    def data_received(self, data: bytes) -> None:
        self._left += int(data)
        self._pour()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._pour()

    def _pour(self) -> None:
        while self._left and self._writable:
            count = min(self._left, len(BLOCK))
            self._left -= count
            self._transport.write(BLOCK if count == len(BLOCK) else BLOCK[:count])


async def serve() -> None:
    """Until standard input ends."""
    loop = asyncio.get_running_loop()
    addresses = {}
    for name, kind in (("small", Answering), ("bulk", Pouring), ("waiting", Waiting)):
        server = await loop.create_server(kind, "127.0.0.1", 0, backlog=2048)
        addresses[name] = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(json.dumps(addresses), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    pin(1)
    uvloop.run(serve())
