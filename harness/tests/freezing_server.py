"""A server for `load_farm`: answers at once, prints its port, and writes down when it answered whom.

freezing_server.py RECORD [HOST PORT]
"""

import asyncio
import contextlib
import os
import re
import sys
import time
from pathlib import Path

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REQUEST_ID = re.compile(rb"X-Request-Id: ([^\r]+)")


async def main(record, host="127.0.0.1", port=0):
    async def answer(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(ANSWER)
                record.write(f"{REQUEST_ID.search(head)[1].decode()} {time.monotonic()}\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, host, int(port), backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


with contextlib.suppress(OSError):
    # As the generator: what the server takes itself is no part of the tests.
    os.setpriority(os.PRIO_PROCESS, 0, -10)
with Path(sys.argv[1]).open("a", buffering=1) as file:
    asyncio.run(main(file, *sys.argv[2:]))
