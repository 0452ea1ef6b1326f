"""How long an answer may be used, by its own headers. A part of RFC 9111, the strict side of it, and RFC 5861."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx

_DIRECTIVE = re.compile(r'([a-z-]+)(?:\s*=\s*"?([^",]*)"?)?')


@dataclass(frozen=True)
class Freshness:
    """Seconds from the moment the answer came."""

    fresh_for: float
    """It may be used instead of asking."""
    stale_for: float
    """Afterwards it may be used for so long when asking fails; 0 or less is never."""
    age: float
    """It was so old already."""


def directives(value: str) -> dict[str, str]:
    """The parts of a `Cache-Control`: names in lower case, values without quotes; empty where there is none."""
    return {name: argument.strip() for name, argument in _DIRECTIVE.findall(value.lower())}


def may_be_asked_of_a_cache(request: httpx.Request) -> bool:
    """A whole GET, without credentials, which does not say otherwise.

    The cache is shared by all of a service's callers: what was answered to one of them is none of the others' business.
    """
    if request.method != "GET" or any(name in request.headers for name in ("Range", "Authorization", "Cookie")):
        return False
    return not directives(request.headers.get("Cache-Control", "")).keys() & {"no-cache", "no-store"}


def freshness(response: httpx.Response, *, fresh_for: float, stale_for: float) -> Freshness | None:
    """For how long this answer may be kept, the arguments being for what it does not say; None is not at all.

    Nothing but a 200, nothing that is private, and nothing that varies by everything.
    """
    said = directives(response.headers.get("Cache-Control", ""))
    if response.status_code != 200 or said.keys() & {"no-store", "no-cache", "private"}:
        return None
    if response.headers.get("Vary", "").strip() == "*":
        return None
    lifetime = _seconds(said.get("s-maxage", said.get("max-age")), fresh_for)
    stale = _seconds(said.get("stale-if-error"), stale_for)
    if said.keys() & {"must-revalidate", "proxy-revalidate", "s-maxage"}:
        stale = 0.0
    age = _seconds(response.headers.get("Age"), 0.0)
    return Freshness(max(0.0, lifetime - age), stale - max(0.0, age - lifetime), age)


def _seconds(text: str | None, default: float) -> float:
    if text is None:
        return default
    # Garbage is stale at once (RFC 9111, 4.2.1); a hundred years is enough.
    return min(float(text), 3.2e9) if text.isascii() and text.isdigit() else 0.0
