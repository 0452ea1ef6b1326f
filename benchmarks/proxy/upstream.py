"""The server behind every proxy: answers small requests on one port, sends as many bytes as asked for on another."""

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
    servers = [await loop.create_server(kind, "127.0.0.1", 0, backlog=2048) for kind in (Answering, Pouring)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    print(json.dumps({"small": f"127.0.0.1:{ports[0]}", "bulk": f"127.0.0.1:{ports[1]}"}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    pin(1)
    uvloop.run(serve())
