"""A test process as the suite has it: the server in a thread, the main thread waiting."""

from __future__ import annotations

import http.client
import json
import sys
import time

from windtunnel.proxy import EmbeddedToxiproxy


def main() -> None:
    """Serve until standard input ends; the first line says where, and how many ms the start took."""
    began = time.perf_counter()
    with EmbeddedToxiproxy() as server:
        control = http.client.HTTPConnection(server.host, server.port)
        control.request("GET", "/version")
        control.getresponse().read()
        took = (time.perf_counter() - began) * 1000
        control.close()
        print(json.dumps({"url": server.url, "start_ms": took}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
