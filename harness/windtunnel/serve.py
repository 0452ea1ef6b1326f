"""`windtunnel proxy`: the embedded server as a program of its own, with Toxiproxy's flags."""

from __future__ import annotations

import argparse
import secrets
import signal
import threading
from pathlib import Path
from types import FrameType

from windtunnel.errors import BadInputError

DESCRIPTION = """\
A server that speaks Toxiproxy's API, until it is interrupted (SIGINT or SIGTERM). Every Toxiproxy client can drive it.

  windtunnel proxy
  curl -d '{"name": "db", "listen": "127.0.0.1:5433", "upstream": "127.0.0.1:5432"}' http://localhost:8474/proxies
  curl -d '{"type": "latency", "attributes": {"latency": 300}}' http://localhost:8474/proxies/db/toxics
"""
EPILOG = """\
A configuration file is the list that /populate takes; toxics may come with their proxy:
  [{"name": "db", "listen": "127.0.0.1:5433", "upstream": "127.0.0.1:5432",
    "toxics": [{"type": "latency", "attributes": {"latency": 300}, "duration": 60000}]}]

The toxics, their attributes, and where this differs from Toxiproxy: harness/TOXICS.md."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Toxiproxy's flags, with one dash or two."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.allow_abbrev = False
    add = parser.add_argument
    add("-host", "--host", default="localhost", help="where the control API listens (default: localhost)")
    add("-port", "--port", type=_port, default=8474, help="its port (default: 8474; 0: any free one)")
    add("-config", "--config", type=Path, metavar="FILE", help="JSON file with the proxies to begin with")
    add("-seed", "--seed", type=int, help="same seed, same decisions (default: a random one, which is printed)")
    add("-proxy-metrics", "--proxy-metrics", action="store_true", help="accepted: /metrics is always there")
    add("-runtime-metrics", "--runtime-metrics", action="store_true", help="tell of this process in /metrics too")
    add("-version", "--version", action="store_true", help="say the version, and end")


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes. Raises `BadInputError` for a port that is taken and a file that cannot be used."""
    from windtunnel.proxy import VERSION, EmbeddedToxiproxy
    from windtunnel.proxy.errors import ListenError

    if options.version:
        print(f"windtunnel proxy {VERSION}")
        return 0
    seed = secrets.randbits(63) if options.seed is None else options.seed
    server = EmbeddedToxiproxy(
        seed, options.host, options.port, config=options.config, runtime_metrics=options.runtime_metrics
    )
    ended = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with server:
            print(f"windtunnel proxy {VERSION}: listening on {server.url}, seed {seed}", flush=True)
            ended.wait()
    except ListenError as error:
        raise BadInputError(
            f"the control API cannot listen on {options.host}:{options.port}: {error}; "
            "choose another with -host and -port (-port 0: any free one)"
        ) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    print("windtunnel proxy: ended", flush=True)
    return 0


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; write a number from 0 to 65535")
    return int(text)
