"""Where to bind for the text of an address."""

import asyncio
import socket

import pytest

from windtunnel.proxy.listener import resolve


class LoopWithoutLookup(asyncio.SelectorEventLoop):
    """Fails when a name is to be looked up."""

    async def getaddrinfo(self, host, port, **_):
        raise AssertionError(f"looked up {host}")


@pytest.mark.parametrize(
    ("listen", "place"),
    [
        ("127.0.0.1:80", (socket.AF_INET, ("127.0.0.1", 80))),
        ("", (socket.AF_INET, ("127.0.0.1", 0))),
        ("[::1]:80", (socket.AF_INET6, ("::1", 80))),
        ("[0:0::0001]:80", (socket.AF_INET6, ("::1", 80))),
    ],
)
def test_address_that_is_a_number_is_not_looked_up(listen, place):
    """A lookup goes through another thread; two ways to write one address are the same place."""
    loop = LoopWithoutLookup()
    try:
        assert loop.run_until_complete(resolve(listen)) == place
    finally:
        loop.close()


def test_name_is_looked_up():
    """And an IPv4 address is taken where there is one."""
    assert asyncio.run(resolve("localhost:80")) == (socket.AF_INET, ("127.0.0.1", 80))
