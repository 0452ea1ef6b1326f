"""What a scenario is given. Load, pytest and later the fuzzer run the same scenario through their own client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. `status` is None when nothing did."""

    status: int | None
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    error: str | None = None

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is not."""
        import json

        return json.loads(self.body)


class Client(Protocol):
    """Sends the requests of one arrival. Requests never raise: look at `answer.status` and `answer.error`."""

    @property
    def rng(self) -> Random:
        """Seeded: the same run makes the same choices."""

    @property
    def memory(self) -> MutableMapping[str, Any]:
        """Shared by all arrivals of a run: a token to reuse, ids to read back."""

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
        """Send one request through the client's edge to `service`.

        `route` names it in figures (`GET /orders/{id}`); by default method and path. It is ok when the status is in
        `expect` (by default any 2xx or 3xx) and `check(answer)` returns None (else a short text that says what was
        wrong with it). `timed=False` keeps a set-up request, such as a log-in, out of the figures.
        """
