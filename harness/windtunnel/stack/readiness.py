"""Asking one service how it is, directly and not through any proxy."""

from __future__ import annotations

import http.client
import socket

from windtunnel.stack.base import Address

TCP = "tcp"
"""Instead of a path: accepting a connection is answer enough."""


def ask(address: Address, path: str, *, timeout: float = 1.0) -> tuple[int | None, str]:
    """The status of a GET and the beginning of its body; None and the reason when there was no answer."""
    if path == TCP:
        return _connect(address, timeout)
    connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(2000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return None, str(error) or type(error).__name__
    finally:
        connection.close()


def _connect(address: Address, timeout: float) -> tuple[int | None, str]:
    try:
        socket.create_connection((address.host, address.port), timeout=timeout).close()
    except OSError as error:
        return None, str(error)
    return 200, ""
