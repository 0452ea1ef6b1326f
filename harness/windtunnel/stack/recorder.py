"""Our proxy server as a program, for a container that stands on the edges: `python -m windtunnel.stack.recorder`."""

from __future__ import annotations

import argparse
import signal
import sys

from windtunnel.proxy import EmbeddedToxiproxy


def main() -> None:
    """Serve the API until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="recorder", description="An embedded Toxiproxy-compatible server.")
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=8474)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    # Blocked before the server's thread is made, so that none but the wait below takes them.
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with EmbeddedToxiproxy(seed=options.seed, host=options.host, port=options.port) as server:
        print(f"listening on {server.url}", file=sys.stderr)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
