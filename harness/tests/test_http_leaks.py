"""When connections have ended, nothing that followed their HTTP is left."""

import socket

import pytest
from http_wires import shop
from proxy_wires import PATIENCE, eventually
from test_proxy_leaks import crowd, descriptors, living

from windtunnel.proxy.connection import Connection
from windtunnel.proxy.http1.conversation import Conversation
from windtunnel.proxy.http1.sieve import Sieve
from windtunnel.proxy.link import Link, Stage
from windtunnel.proxy.toxics import TOXICS, HttpToxic, Toxic

ATTRIBUTES = {
    "http_corrupt_body": {},
    "http_delay": {"delay": 15, "jitter": 10},
    "http_header": {"set": {"X-A": "b"}},
    "http_lose_answer": {"then": "hang", "match": {"every": 2}},
    "http_status": {"match": {"every": 2}},
    "http_truncate": {"fraction": 0.5, "then": "reset", "match": {"every": 2}},
}


def test_every_toxic_on_requests_is_tried_here():
    """A new one must say how it is driven."""
    assert set(ATTRIBUTES) == {name for name, toxic in TOXICS.items() if issubclass(toxic, HttpToxic)}


def rough_caller(address, number):
    """Calls as they come: finished, left early, cut in the middle, pipelined, half-closed, not HTTP."""
    with socket.create_connection(address, timeout=PATIENCE) as sock:
        ask = b"POST /chunked HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
        try:
            sock.sendall((ask * 3, ask[:20], ask[:-2], ask, b"\x16\x03\x01")[number % 5])
            if number % 5 == 3:
                sock.shutdown(socket.SHUT_WR)
            sock.settimeout(0.05)
            while number % 2 and sock.recv(100):
                pass
        except OSError:
            pass


@pytest.mark.parametrize("loop", ["preferred", "asyncio"])
@pytest.mark.parametrize("kind", sorted(ATTRIBUTES))
def test_hundreds_of_callers_leave_nothing(kind, loop, monkeypatch):
    """Under each toxic, in each direction it can stand in; every request that began has ended in the record."""
    monkeypatch.setattr("test_proxy_leaks.rough_client", rough_caller)
    with shop(loop=loop) as (edge, _):
        for stream in TOXICS[kind].streams:
            edge.add_toxic(kind, name=stream, stream=stream, toxicity=0.8, attributes=ATTRIBUTES[kind])
        address = edge.listen
        before = descriptors()
        crowd(address, 25)
        edge.client.reset()

        assert eventually(lambda: edge.record().connections == 200)
        assert eventually(lambda: edge.record().open == 0)
        assert eventually(lambda: edge.requests().open == 0)
        assert eventually(lambda: descriptors() <= before)
        assert living(Connection, Conversation, Sieve, Link, Stage, Toxic) == 0
