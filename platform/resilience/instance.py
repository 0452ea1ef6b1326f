"""One instance of a service, and how a request finds its way to it.

The request's URL stays what it was (its host name is what the peer is called, and what its certificate says); where to
connect to travels beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from resilience.errors import SettingsError

_EXTENSION = "resilience.instance"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, order=True, slots=True)
class Instance:
    """Where to connect to."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def instance_at(address: str) -> Instance:
    """From `http://host:port`, `host:port` or `[::1]:port`. Raises SettingsError."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}", scheme="http")
        port = parts.port if parts.port is not None else _PORTS.get(parts.scheme)
    except ValueError:
        port = parts = None
    if parts is None or not parts.hostname or not port or parts.path not in ("", "/") or parts.query:
        raise SettingsError(f"the instance {address!r} has no address; right is host:port or http://host:port")
    return Instance(parts.hostname, port)


def instance_of(request: httpx.Request) -> Instance:
    """Where this request is to go: to the instance that a balancer has chosen, else where its URL says."""
    chosen: Instance | None = request.extensions.get(_EXTENSION)
    if chosen is not None:
        return chosen
    url = request.url
    return Instance(url.raw_host.decode("ascii"), url.port or _PORTS.get(url.scheme, 0))


def send_to(request: httpx.Request, instance: Instance | None) -> None:
    """Choose the instance; None leaves it to the URL."""
    request.extensions[_EXTENSION] = instance
