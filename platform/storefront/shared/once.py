"""Requests with an Idempotency-Key: the effect once, the same answer every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Response
from sqlalchemy import Connection

from resilience.durable import Answer, Claim, IdempotencyStore, InProgress, KeyReusedError, New
from storefront.shared.background import Loop
from storefront.shared.bodies import reused
from storefront.shared.database import Database
from storefront.shared.problems import Problem

_EXPIRY = 600.0
"""Seconds between two looks for answers that were kept long enough."""


class Once:
    """The keys of one service. Raises `Problem`: 422 for a key of another payload, 409 while it is at work."""

    def __init__(self, store: IdempotencyStore, database: Database) -> None:
        self.store, self._database = store, database
        self.expiry = Loop("expiry", self._expire)

    def together(self, claim: Claim, response: Response, effect: Callable[[Connection], object]) -> Response:
        """Key, answer and effect in one transaction. An error of `effect` leaves none of them."""
        answer = _stored(response)
        with self._database.write() as connection, _one_payload():
            known = self.store.settle(connection, claim, answer)
            if isinstance(known, New):
                effect(connection)
                return response
        return _again(known)

    def begin(self, claim: Claim, also: Callable[[Connection], object]) -> New | Response:
        """Claim the key before an effect that is not in this database; `also` is written with the claim."""
        with self._database.write() as connection, _one_payload():
            known = self.store.begin(connection, claim)
            if isinstance(known, New):
                also(connection)
                return known
        return _again(known)

    def finish(self, claim: Claim, new: New, response: Response, also: Callable[[Connection], object]) -> Response:
        """It is done: store the answer, and `also` what it means."""
        with self._database.write() as connection:
            also(connection)
            self.store.finish(connection, claim, new, _stored(response))
        return response

    def abandon(self, claim: Claim, new: New) -> None:
        """It was not done: the key is free."""
        with self._database.write() as connection:
            self.store.abandon(connection, claim, new)

    def _expire(self) -> float:
        with self._database.write() as connection:
            self.store.expire(connection)
        return _EXPIRY


@contextmanager
def _one_payload() -> Iterator[None]:
    try:
        yield
    except KeyReusedError:
        raise reused() from None


def _stored(response: Response) -> Answer:
    kept = {name: value for name, value in response.headers if name in ("Content-Type", "Location")}
    return Answer(response.status_code, response.get_data(), kept)


def _again(known: Answer | InProgress) -> Response:
    if isinstance(known, InProgress):
        detail = "A request with this Idempotency-Key is at work; its answer can be had later"
        raise Problem(409, "in-progress", detail, retry_after=1)
    return Response(known.body, known.status, known.headers)
