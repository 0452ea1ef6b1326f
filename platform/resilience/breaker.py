"""The breaker: does not call a peer that is known to be broken. What counts is said here, `circuit.py` has states."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from resilience.circuit import Circuit
from resilience.outcome import failed as failed_status
from resilience.outcome import peers_fault
from resilience.policy import Policy, at_end, take_waiting
from resilience.states import Permit


class Breaker(Policy):
    """Asks the circuit before each call and tells it what came of it. No lock is held during the call.

    Failed: a network error, a timeout, a broken body, any 5xx but 501 (which is an answer). Not failed: all else that
    was answered, 4xx included. Not counted: our own trouble, and a call that was broken off (KeyboardInterrupt, a bug,
    a body that nobody read to its end). Decided at the end of the body. Raises BreakerOpenError.
    """

    def __init__(
        self, inner: httpx.BaseTransport, *, circuit: Circuit, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(inner)
        self._circuit, self._clock = circuit, clock
        self._slow_after = circuit.settings.slow_after

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        permit = self._circuit.acquire()
        started = 0.0 if self._slow_after is None else self._clock()
        try:
            response = self._inner.handle_request(request)
        except BaseException as exc:
            # Whatever ends the call, its permit comes back.
            self._ended_by(permit, exc, self._slow(request, started))
            raise

        def ended(error: BaseException | None, whole: bool) -> None:
            slow = self._slow(request, started)
            if error is not None:
                self._ended_by(permit, error, slow)
            else:
                self._answered(permit, response.status_code, slow, whole)

        return at_end(response, ended)

    def _answered(self, permit: Permit, status: int, slow: bool, whole: bool) -> None:
        failed = failed_status(status)
        if not failed and not whole:
            self._circuit.ignored(permit)
        elif failed or slow:
            self._circuit.record(permit, failed=failed, slow=slow)
        else:
            self._circuit.succeeded(permit)

    def _ended_by(self, permit: Permit, exc: BaseException, slow: bool) -> None:
        if peers_fault(exc):
            self._circuit.record(permit, failed=True, slow=slow)
        else:
            self._circuit.ignored(permit)

    def _slow(self, request: httpx.Request, started: float) -> bool:
        if self._slow_after is None:
            return False
        return self._clock() - started - take_waiting(request) >= self._slow_after
