"""The breaker: does not call a peer that is known to be broken. What counts is said here, `circuit.py` has states."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from resilience.circuit import Circuit
from resilience.errors import PolicyError
from resilience.policy import Policy

# Ours, not the peer's: another policy's verdict, a full pool, a request that cannot be sent.
_OUR_OWN = (PolicyError, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.LocalProtocolError)


class Breaker(Policy):
    """Asks the circuit before each call and tells it what came of it. No lock is held during the call.

    Failed: a network error, a timeout, a broken body, any 5xx but 501 (which is an answer). Not failed: all else that
    was answered, 4xx included. Not counted: our own trouble, and a call that was broken off (KeyboardInterrupt, a bug).
    """

    def __init__(
        self, inner: httpx.BaseTransport, *, circuit: Circuit, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(inner)
        self._circuit, self._clock = circuit, clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        permit = self._circuit.acquire()
        started = self._clock()
        failed: bool | None = None
        try:
            response = super().handle_request(request)
            failed = response.status_code >= 500 and response.status_code != 501
            return response
        except httpx.TransportError as exc:
            failed = None if isinstance(exc, _OUR_OWN) else True
            raise
        finally:
            # In `finally`: whatever ends the call, its permit comes back.
            if failed is None:
                self._circuit.ignored(permit)
            else:
                self._circuit.record(permit, failed=failed, slow=self._slow(started))

    def _slow(self, started: float) -> bool:
        limit = self._circuit.settings.slow_after
        return limit is not None and self._clock() - started >= limit
