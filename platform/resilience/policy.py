"""The seam of this package: a policy is a transport around the next transport."""

from __future__ import annotations

import httpx


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
