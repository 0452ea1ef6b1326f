"""The client of a scenario without a load generator: for tests, set-up and a look at one answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Self

import httpx

from windtunnel.load.client import Answer
from windtunnel.load.expectation import unmet


class DirectClient:
    """A `Client` in this process, over httpx. A context manager, since it keeps connections.

    As under load, no request is repeated, no redirect followed and no cookie kept.
    """

    def __init__(
        self,
        targets: Mapping[str, str],
        *,
        timeout: float = 5.0,
        seed: int = 0,
        memory: MutableMapping[str, Any] | None = None,
    ) -> None:
        """`targets`: service name -> base URL, as in `LoadPlan`. `timeout`: seconds for each step of a request."""
        self._targets = dict(targets)
        self._rng, self._memory = Random(seed), {} if memory is None else memory
        # Variables such as HTTP_PROXY must never send a loopback call elsewhere.
        self._http = httpx.Client(timeout=timeout, trust_env=False)

    @property
    def rng(self) -> Random:
        return self._rng

    @property
    def memory(self) -> MutableMapping[str, Any]:
        return self._memory

    def request(
        self,
        method: str,
        service: str,
        path: str,
        *,
        route: str | None = None,
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Sequence[int] = (),
        check: Callable[[Answer], str | None] | None = None,
        timed: bool = True,
    ) -> Answer:
        """As `Client.request`. Raises LookupError for a service that is not among the targets."""
        if service not in self._targets:
            raise LookupError(f"the client has no edge to {service!r}; it has to {', '.join(self._targets)}")
        answer = self._send(method, self._targets[service].rstrip("/") + path, json, headers or {})
        return answer if answer.error else replace(answer, error=unmet(answer, expect, check))

    def close(self) -> None:
        """Give the connections back. Can be called twice."""
        self._http.close()

    def _send(self, method: str, url: str, json: object | None, headers: Mapping[str, str]) -> Answer:
        given = {**headers, "X-Request-Id": str(uuid.uuid4())}
        status, received = None, httpx.Headers()
        self._http.cookies.clear()
        try:
            with self._http.stream(method, url, json=json, headers=given) as reply:
                status, received = reply.status_code, reply.headers
                body = reply.read()
        except httpx.HTTPError as error:
            return Answer(status=status, headers=dict(received), body=b"", error=_kind(error))
        return Answer(status=status, headers=dict(received), body=body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _kind(error: httpx.HTTPError) -> str:
    """The words of `Sample.error`."""
    match error:
        case httpx.TimeoutException():
            return "timeout"
        case httpx.ConnectError():
            return "refused"
        case httpx.ReadError() | httpx.WriteError():
            return "reset"
        case httpx.RemoteProtocolError():
            # httpx has one class for an answer that ends early and for one that is no HTTP; only the text differs.
            return "closed" if "closed connection" in str(error) or "disconnected" in str(error) else "protocol"
        case _:
            return "protocol"
