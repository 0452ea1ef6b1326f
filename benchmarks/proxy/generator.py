"""The client of every measurement: a process of its own, on raw sockets and epoll, told by lines of JSON."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.proxy import bandwidth, bulk, connects, creation, idle, latency, paced, roundtrip
from benchmarks.proxy.wire import pin

MEASURES: dict[str, Callable[..., Any]] = {
    "bandwidth": bandwidth.sample,
    "bulk": bulk.sample,
    "connects": connects.sample,
    "creation": creation.sample,
    "idle": idle.sample,
    "latency": latency.sample,
    "paced": paced.sample,
    "roundtrip": roundtrip.sample,
}


def main() -> None:
    """Measure what is asked for, until nobody asks."""
    pin(0)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        gc.collect()
        gc.disable()
        answer = MEASURES[question.pop("measure")](**question)
        gc.enable()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
