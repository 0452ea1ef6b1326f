"""When connections have ended, nothing of them is left: no task, no timer, no socket, no held byte."""

import asyncio
import gc
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from proxy_wires import ON_BYTES, PATIENCE, eventually, proxied

from windtunnel.proxy.connection import Connection
from windtunnel.proxy.link import Link, Stage
from windtunnel.proxy.toxics import Toxic

DESCRIPTORS = Path("/proc/self/fd")
pytestmark = pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="counts descriptors in /proc")

ATTRIBUTES = {
    "bandwidth": {"rate": 20},
    "latency": {"latency": 15, "jitter": 10},
    "limit_data": {"bytes": 700},
    "noop": {},
    "packet_loss": {"loss_rate": 0.5},
    "refuse": {"delay": 10},
    "reset_peer": {"timeout": 5},
    "shared_bandwidth": {"rate": 200},
    "slicer": {"average_size": 100, "delay": 500},
    "slow_accept": {"delay": 10},
    "slow_close": {"delay": 10},
    "timeout": {"timeout": 30},
    "witness": {},
}


EACH_OF_8 = 1250 if settings.default.max_examples >= 10_000 else 25
"""Connections; with `--hypothesis-profile=nightly` 10,000 under each toxic, on each loop."""


def tasks_and_timers(server):
    """How many the server's loop has (asyncio's loop: uvloop does not show its timers)."""

    async def look():
        timers = asyncio.get_running_loop()._scheduled
        return len(asyncio.all_tasks()), sum(not timer.cancelled() for timer in timers)

    return asyncio.run_coroutine_threadsafe(look(), server._run._loop).result(PATIENCE)


def rough_client(address, number):
    """Connections as they come: some finish, some leave at once, some are cut, some half-close."""
    with socket.create_connection(address, timeout=PATIENCE) as sock:
        try:
            if number % 5 == 1:
                return
            sock.sendall(b"x" * 1000)
            if number % 5 == 2:
                return
            if number % 5 == 3:
                sock.shutdown(socket.SHUT_WR)
            sock.settimeout(0.05)
            sock.recv(1000)
        except OSError:
            pass


def crowd(address, each, threads=8):
    def work(first):
        for number in range(first, first + each):
            rough_client(address, number)

    workers = [threading.Thread(target=work, args=(n * each,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def living(*kinds):
    gc.collect()
    return sum(isinstance(each, kinds) for each in gc.get_objects())


def descriptors():
    return len(list(DESCRIPTORS.iterdir()))


def test_every_toxic_is_tried_here():
    """A new one must say how it is driven. Those on HTTP requests are driven in `test_http_leaks.py`."""
    assert set(ATTRIBUTES) == ON_BYTES


@pytest.mark.parametrize("loop", ["preferred", "asyncio"])
@pytest.mark.parametrize("kind", sorted(ON_BYTES))
def test_many_connections_leave_nothing(kind, loop):
    """Under each toxic on both directions, with clients that leave in every way."""
    with proxied(loop=loop) as (edge, upstream, server):
        for stream in ("upstream", "downstream"):
            edge.add_toxic(kind, name=stream, stream=stream, toxicity=0.8, attributes=ATTRIBUTES[kind])
        address = edge.listen
        before = descriptors(), loop == "asyncio" and tasks_and_timers(server)
        crowd(address, EACH_OF_8)
        edge.client.reset()

        assert eventually(lambda: edge.record().connections == 8 * EACH_OF_8)
        assert eventually(lambda: edge.record().open == 0)
        assert eventually(lambda: not any(thread.is_alive() for thread in upstream.threads))
        assert eventually(lambda: (descriptors(), loop == "asyncio" and tasks_and_timers(server)) == before)
        assert living(Connection, Link, Stage, Toxic) == 0


def test_stopping_the_server_in_the_middle_leaves_nothing():
    """Held data, waiting timers and dials included."""
    before = descriptors()
    with proxied() as (edge, _, server):
        address = edge.listen
        for kind, attributes in (("latency", {"latency": 3_600_000}), ("slow_close", {"delay": 3_600_000})):
            edge.add_toxic(kind, name=kind, attributes=attributes)
        clients = [socket.create_connection(address, timeout=PATIENCE) for _ in range(50)]
        for client in clients:
            client.sendall(b"held")
        server.stop()
        for client in clients:
            client.close()

    assert eventually(lambda: descriptors() == before)
    assert living(Connection, Link, Stage, Toxic) == 0
