"""Small subnets that nobody uses, for the networks of a system of containers.

An engine's own pools hold some thirty networks; here there is room for thousands.
"""

from __future__ import annotations

import os
import random
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network
from pathlib import Path

from windtunnel.errors import BackendError

VARIABLE = "WINDTUNNEL_SUBNETS"
POOL = "10.213.0.0/16"
ROUTES = Path("/proc/net/route")


def pool(environ: Mapping[str, str] = os.environ) -> IPv4Network:
    """Where subnets are taken from. Raises `BackendError` when the variable does not name a network."""
    text = environ.get(VARIABLE) or POOL
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise BackendError(f"{VARIABLE}={text}: {error}; write a network such as {POOL}") from error


def free_subnets(
    prefix: int, taken: Iterable[IPv4Network], *, within: IPv4Network, rng: random.Random | None = None
) -> Iterator[IPv4Network]:
    """All subnets of that size that overlap none of `taken`, from a random one on: runs that start together do not
    queue for the same ones."""
    used = list(taken)
    count = 1 << max(prefix - within.prefixlen, 0)
    begin = (rng or random.SystemRandom()).randrange(count)
    size = 1 << (32 - prefix)
    for number in range(count):
        first = int(within.network_address) + (begin + number) % count * size
        subnet = IPv4Network((first, prefix))
        if not any(subnet.overlaps(other) for other in used):
            yield subnet


def routed(routes: Path = ROUTES) -> list[IPv4Network]:
    """The networks that this machine has a route to, other than the default one."""
    try:
        lines = routes.read_text().splitlines()[1:]
    except OSError:
        return []
    found = []
    for line in lines:
        fields = line.split()
        address, mask = (socket.inet_ntoa(struct.pack("<L", int(fields[i], 16))) for i in (1, 7))
        if mask != "0.0.0.0":
            found.append(IPv4Network(f"{address}/{mask}"))
    return found
