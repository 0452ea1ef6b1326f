"""New connections a second: connect, one small exchange, close."""

from __future__ import annotations

import errno
import select
import socket
import time

from benchmarks.proxy.bench import Bench, cpu_each, field
from benchmarks.proxy.result import Goal, Row, Table
from benchmarks.proxy.wire import REQUEST, read_answer


class Clients:
    """So many clients at once, each of which begins again when it is done."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._place = (host, int(port))
        self._socks: dict[int, socket.socket] = {}
        self._waiting = select.epoll()
        self.done = 0

    def begin(self) -> None:
        """One more client."""
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if (error := sock.connect_ex(self._place)) not in (0, errno.EINPROGRESS):
            raise ConnectionError(error, f"cannot connect to {self._place}")
        self._socks[sock.fileno()] = sock
        self._waiting.register(sock.fileno(), select.EPOLLOUT)

    def turn(self) -> None:
        """Go on with whoever can."""
        for number, events in self._waiting.poll(60):
            if events & select.EPOLLOUT:
                self._socks[number].send(REQUEST)
                self._waiting.modify(number, select.EPOLLIN)
            else:
                sock = self._socks.pop(number)
                read_answer(sock)
                sock.close()
                self.done += 1
                self.begin()

    def close(self) -> None:
        for sock in self._socks.values():
            sock.close()
        self._waiting.close()


def sample(address: str, connections: int, seconds: float) -> dict[str, float]:
    """How many a second, with so many open at a time."""
    clients = Clients(address)
    for _ in range(connections):
        clients.begin()
    began = time.perf_counter()
    while time.perf_counter() < began + seconds or not clients.done:
        clients.turn()
    rate = clients.done / (time.perf_counter() - began)
    clients.close()
    time.sleep(0.02)  # what is half open is ended before somebody else is measured
    return {"rate": rate, "count": clients.done}


def run(bench: Bench) -> Table:
    """No toxic, 1, 16 and 128 at a time."""
    addresses, rows = bench.small(), []
    for connections in (1, 16, 128):
        rounds = bench.effort.rounds if connections < 128 else bench.effort.few
        question = {"connections": connections, "seconds": bench.effort.seconds}
        samples = bench.sampled(addresses, "connects", rounds, **question)
        values = field(samples, "rate")
        goal = Goal(least=0.9) if connections < 128 else None
        rows.append(Row(case=f"{connections} at a time", unit="/s", values=values, goal=goal))
        rows.append(Row(case="    CPU for one", unit="µs", values=cpu_each(samples)))
    return Table("connects", "New connections a second (connect, one exchange, close)", rows)
