"""Free loopback ports that stay free: outside the range from which the kernel gives ports to outgoing connections, and
marked as taken for every other run and worker on this machine.

A service that is killed must find its port free when it is started again. Within the kernel's range any connection that
somebody opens meanwhile could have it. The mark is a bound abstract Unix socket named after the port: it needs no file,
lives in the same network namespace as the port, and vanishes with the process that holds it. Where there are no
abstract sockets (outside Linux) the bind is the only check.
"""

from __future__ import annotations

import errno
import random
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from windtunnel.errors import PortTakenError, StackError

LOOPBACK = "127.0.0.1"
LOWEST, HIGHEST = 15_000, 65_535
"""Below lie the ports of most well-known services."""
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


class PortReservation:
    """A port of one's own until `release()`. Nothing listens on it yet."""

    def __init__(self, port: int, mark: socket.socket | None) -> None:
        self.port, self._mark = port, mark

    def release(self) -> None:
        """Give the port back. Can be called twice."""
        if self._mark is not None:
            self._mark.close()
            self._mark = None


def reserve_port(*, rng: random.Random | None = None) -> PortReservation:
    """Any free port. `rng` says where the search begins. Raises `StackError` when there is none."""
    for port in _candidates(rng or random.SystemRandom()):
        mark = _mark(port)
        if mark is None and _has_abstract_sockets():
            continue
        if _can_bind(port):
            return PortReservation(port, mark)
        if mark is not None:
            mark.close()
    raise StackError(f"no free port between {LOWEST} and {HIGHEST} on {LOOPBACK}; end what listens there")


def reserve_fixed_port(port: int, *, wanted_by: str) -> PortReservation:
    """That very port. Raises `PortTakenError`, which names who has it."""
    mark = _mark(port)
    if mark is None and _has_abstract_sockets():
        raise PortTakenError(_taken(port, wanted_by, "another run of windtunnel that is going on now"))
    if not _can_bind(port, reuse=True):
        if mark is not None:
            mark.close()
        raise PortTakenError(_taken(port, wanted_by, holder(port)))
    return PortReservation(port, mark)


def holder(port: int) -> str:
    """Who listens on a port, as far as the operating system tells."""
    try:
        found = [c.pid for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and _is(c.laddr, port)]
        pid = next((pid for pid in found if pid), None)
        if pid is None:
            return "a process of another user" if found else "a process that cannot be seen from here"
        return f"process {pid} ({' '.join(psutil.Process(pid).cmdline())[:80]})"
    except (psutil.Error, OSError):
        return "a process that cannot be seen from here"


def ephemeral_range() -> tuple[int, int]:
    """First and last port that the kernel gives to outgoing connections; the IANA range where it does not say."""
    try:
        first, last = EPHEMERAL.read_text().split()
    except (OSError, ValueError):
        return 49_152, 65_535
    return int(first), int(last)


def _candidates(rng: random.Random) -> Iterator[int]:
    """All ports once, from a random one on, so that runs which start together do not queue for the same ones."""
    first, last = ephemeral_range()
    ports = [port for port in range(LOWEST, HIGHEST + 1) if not first <= port <= last]
    # A kernel that keeps all ports for itself leaves no choice.
    ports = ports or list(range(LOWEST, HIGHEST + 1))
    begin = rng.randrange(len(ports))
    yield from ports[begin:]
    yield from ports[:begin]


def _has_abstract_sockets() -> bool:
    return sys.platform == "linux"


def _mark(port: int) -> socket.socket | None:
    """The bound socket that says the port is taken; None when somebody else has said so."""
    if not _has_abstract_sockets():
        return None
    mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        mark.bind(f"\0windtunnel-port-{port}")
    except OSError:
        mark.close()
        return None
    return mark


def _can_bind(port: int, *, reuse: bool = False) -> bool:
    """`reuse`: a port whose old connections are still dying counts as free, as it does to a server."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if reuse:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def _is(address: object, port: int) -> bool:
    return getattr(address, "port", None) == port


def _taken(port: int, wanted_by: str, by: str) -> str:
    return (
        f"port {port} of {wanted_by} is taken by {by}; end that, or leave the number out of the topology file "
        f"so that a free port is picked"
    )
