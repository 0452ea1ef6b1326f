"""The seam of this package: a policy is a transport around the next transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

import httpx

from resilience.instance import Instance

_WAITED = "resilience.waited"
_DEGRADED = "resilience.degraded"


@runtime_checkable
class Draining(Protocol):
    """A transport that keeps connections to several instances."""

    def drain(self, instance: Instance) -> None:
        """Close the connections to one of them, those in use after their answer."""


class Policy(httpx.BaseTransport):
    """Does nothing but pass the request on: the base of every policy, and the no-op."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, return the answer."""
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close everything below."""
        self._inner.close()

    def drain(self, instance: Instance) -> None:
        """Close the connections to one instance, those in use after their answer."""
        if isinstance(self._inner, Draining):
            self._inner.drain(instance)


def in_memory(response: httpx.Response) -> httpx.Response:
    """The same answer with its body read to the end, its connection given back. Raises what the reading raises.

    `httpx` would read the body above all transports, where no policy sees that it broke.
    """
    if isinstance(response.stream, httpx.ByteStream):
        return response
    try:
        body = b"".join(response.iter_raw())
    finally:
        response.close()
    return httpx.Response(
        response.status_code,
        headers=response.headers,
        stream=httpx.ByteStream(body),
        extensions=response.extensions,
    )


def at_end(response: httpx.Response, ended: Callable[[BaseException | None, bool], None]) -> httpx.Response:
    """Calls `ended(error, whole)` once: when the body is complete, broke, or was closed before its end (not `whole`).

    With the body in memory that is at once. So a verdict, or a slot, lasts as long as the call, not as its headers.
    """
    if isinstance(response.stream, httpx.ByteStream):
        ended(None, True)
    elif isinstance(response.stream, httpx.SyncByteStream):
        response.stream = _Watched(response.stream, ended)
    return response


class _Watched(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, ended: Callable[[BaseException | None, bool], None]) -> None:
        self._inner, self._ended, self._told = inner, ended, False

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._inner
        except GeneratorExit:
            raise  # the reader stopped; it will close
        except BaseException as exc:
            self._tell(exc, False)
            raise
        self._tell(None, True)

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._tell(None, False)

    def _tell(self, error: BaseException | None, whole: bool) -> None:
        if not self._told:
            self._told = True
            self._ended(error, whole)


def note_waiting(request: httpx.Request, seconds: float) -> None:
    """Some of this attempt's time was spent in a queue of our own."""
    request.extensions[_WAITED] = seconds + request.extensions.get(_WAITED, 0.0)


def take_waiting(request: httpx.Request) -> float:
    """Seconds noted since the last time this was asked: no slowness of the peer."""
    return float(request.extensions.pop(_WAITED, 0.0))


def mark_degraded(response: httpx.Response, how: str) -> httpx.Response:
    """The same answer, which says that it is not the peer's of now."""
    response.extensions = {**response.extensions, _DEGRADED: how}
    return response


def degraded(response: httpx.Response) -> str | None:
    """None for the peer's own answer; "stale" for one from the cache past its time, "fallback" for one made up."""
    how: str | None = response.extensions.get(_DEGRADED)
    return how
