"""The faults on HTTP requests, by hand.

    with chaos.http_status("orders->payments", status=503, match={"method": "POST", "path": "/charges"}):
        place_an_order()

`match` is a `RequestMatch`, or the same as plain data; None is every request. `toxicity` is a share of the requests
that match, drawn from the seed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from windtunnel.errors import SpecError
from windtunnel.request_match import RequestMatch, read_match
from windtunnel.spec.model import FaultStep
from windtunnel.toxiproxy import Stream

Match = RequestMatch | Mapping[str, object] | None
Params = Mapping[str, float | int | str]
D = TypeVar("D")


@dataclass(frozen=True)
class _Aim:
    """Which requests, and how strictly it is shown."""

    match: Match
    stream: Stream | None
    toxicity: float
    require_traffic: bool


class HttpChaos(ABC, Generic[D]):
    """A part of `Chaos`; raises as it does."""

    @abstractmethod
    def _disturb(self, step: FaultStep, require_traffic: bool) -> AbstractContextManager[D]:
        """The step, for the length of a block."""

    def http_status(
        self,
        edge: str,
        *,
        status: int = 503,
        body: str = "",
        content_type: str = "text/plain; charset=utf-8",
        retry_after_s: int = 0,
        match: Match = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[D]:
        """Answered in the callee's place, with Retry-After unless that is 0; the callee never sees the request."""
        params: Params = {"status": status, "body": body, "content_type": content_type, "retry_after": retry_after_s}
        return self._on_requests("http_status", edge, params, _Aim(match, None, toxicity, require_traffic))

    def http_delay(
        self,
        edge: str,
        *,
        delay_ms: int,
        jitter_ms: int = 0,
        match: Match = None,
        stream: Stream | None = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[D]:
        """Answered that much later, give or take the jitter."""
        params: Params = {"delay": delay_ms, "jitter": jitter_ms}
        return self._on_requests("http_delay", edge, params, _Aim(match, stream, toxicity, require_traffic))

    def http_truncate(
        self,
        edge: str,
        *,
        limit_bytes: int = 0,
        fraction: float = 0.0,
        then: str = "close",
        match: Match = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[D]:
        """The body of the answer breaks off after so many bytes, or that share of it; then `close` or `reset`."""
        params: Params = {"bytes": limit_bytes, "fraction": fraction, "then": then}
        return self._on_requests("http_truncate", edge, params, _Aim(match, None, toxicity, require_traffic))

    def http_header(
        self,
        edge: str,
        *,
        set: str | None = None,  # noqa: A002 - the attribute's own name
        remove: str | None = None,
        match: Match = None,
        stream: Stream | None = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[D]:
        """`set` is `Name: value`, `remove` a name; on answers, or with `stream="upstream"` on requests."""
        params: Params = {name: text for name, text in (("set", set), ("remove", remove)) if text is not None}
        return self._on_requests("http_header", edge, params, _Aim(match, stream, toxicity, require_traffic))

    def http_corrupt_body(
        self,
        edge: str,
        *,
        every_bytes: int = 16,
        match: Match = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[D]:
        """The answer's first byte is changed, and from there on one in so many."""
        params: Params = {"every": every_bytes}
        return self._on_requests("http_corrupt_body", edge, params, _Aim(match, None, toxicity, require_traffic))

    def http_lose_answer(
        self,
        edge: str,
        *,
        then: str = "reset",
        match: Match = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[D]:
        """The callee has done it and answered; the caller sees a `reset`, or a `hang`."""
        params: Params = {"then": then}
        return self._on_requests("http_lose_answer", edge, params, _Aim(match, None, toxicity, require_traffic))

    def _on_requests(self, fault: str, edge: str, params: Params, aim: _Aim) -> AbstractContextManager[D]:
        match = aim.match
        if match is not None and not isinstance(match, RequestMatch):
            try:
                match = read_match(match)
            except ValueError as error:
                raise SpecError(f"{fault} on {edge}: {error}") from None
        step = FaultStep(
            name=f"{fault} {edge}",
            fault=fault,
            edges=(edge,),
            params=params,
            match=match,
            stream=aim.stream,
            toxicity=aim.toxicity,
        )
        return self._disturb(step, aim.require_traffic)
