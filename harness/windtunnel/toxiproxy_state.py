"""What a Toxiproxy states of itself: its proxies, and the toxics on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Stream = Literal["upstream", "downstream"]
Attributes = Mapping[str, object]
"""Of a toxic: numbers, and for toxics on HTTP requests also texts, lists and the object `match`."""


@dataclass(frozen=True, kw_only=True)
class Toxic:
    """One toxic as the server states it."""

    name: str
    type: str
    stream: Stream
    toxicity: float
    attributes: Attributes


@dataclass(frozen=True, kw_only=True)
class ProxyState:
    """One proxy as the server states it."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    http: bool = False
    """It reads HTTP/1.1: requests are recorded, and toxics can act on them. Always False on a server that cannot."""
    toxics: tuple[Toxic, ...] = ()


def proxy_of(body: Mapping[str, Any]) -> ProxyState:
    """From the API's answer. Raises KeyError, TypeError, AttributeError when it is none."""
    toxics = tuple(toxic_of(toxic) for toxic in body.get("toxics") or ())
    return ProxyState(
        name=body["name"],
        listen=body["listen"],
        upstream=body["upstream"],
        enabled=body["enabled"],
        http=body.get("http") is True,
        toxics=toxics,
    )


def toxic_of(body: Mapping[str, Any]) -> Toxic:
    """As `proxy_of`."""
    return Toxic(
        name=body["name"],
        type=body["type"],
        stream=body["stream"],
        toxicity=body["toxicity"],
        attributes=body["attributes"],
    )
