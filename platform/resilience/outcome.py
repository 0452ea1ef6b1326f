"""What an attempt says about the peer: that it failed, that it is well, or nothing."""

from __future__ import annotations

import httpx

from resilience.errors import PolicyError

# Ours, not the peer's: another policy's verdict, a full pool, a request that cannot be sent.
_OUR_OWN = (PolicyError, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.LocalProtocolError)


def failed(status: int) -> bool:
    """Any 5xx but 501, which is an answer. A 4xx is the caller's mistake, not the peer's."""
    return status >= 500 and status != 501


def peers_fault(exc: BaseException) -> bool:
    """A network error, a timeout, a broken body. Not: trouble of our own, and a call broken off (Ctrl-C, a bug)."""
    return isinstance(exc, httpx.TransportError) and not isinstance(exc, _OUR_OWN)
