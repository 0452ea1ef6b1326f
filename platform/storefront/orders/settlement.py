"""Brings an order to its end: confirmed or failed, never in between for good.

    pending ──reserve──> (price) ──charge──> confirmed   + a mail is owed
                │                     │
                │ refused             ├ declined ─────> failed, and the stock is released
                │  └─> failed         ├ not charged ──> failed, and the stock is released; the key is free
                │ no answer           └ unknown ──────> pending: asked again, with the same key, until payments says
                └─> failed, and whatever was held is released

A saga of two steps. The charge is the point of no return: behind it only payments' own answer decides. The request
drives it as far as it can be driven at once; two loops drive on what had to be left, or what a crash has left.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from sqlalchemy import Connection

from resilience import attempts_made
from resilience.durable import DONE, UNSURE, Journal, Outcome, Run, Saga, Step, Verdict
from storefront.orders import store
from storefront.orders.charging import charge
from storefront.orders.models import Order
from storefront.shared import log
from storefront.shared.peers import Peer, read_object

_POLL = 0.25
"""Seconds between two looks while there is nothing to do."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How a failed order is answered."""

    status: int
    detail: str


FAILURES = {
    "no_such_product": Failure(status=422, detail="There is no product with this sku"),
    "out_of_stock": Failure(status=409, detail="There is not enough in stock; nothing was charged"),
    "declined": Failure(status=402, detail="The payment was declined; nothing was charged"),
    "unavailable": Failure(status=503, detail="The order could not be placed now; nothing was charged"),
}
_REFUSALS = {404: "no_such_product", 409: "out_of_stock"}
_UNAVAILABLE = Outcome(Verdict.UNSURE, "unavailable")


class Settlement:
    """`compensate` off leaves out the release: only to show that somebody notices. `mail` notes what is owed."""

    def __init__(
        self,
        journal: Journal,
        inventory: Peer,
        payments: Peer,
        *,
        mail: Callable[[Connection, Order], object],
        compensate: bool = True,
        rng: random.Random,
    ) -> None:
        self._inventory, self._payments, self._mail = inventory, payments, mail
        reserve = Step(
            name="reserve",
            act=self._reserve,
            undo=self._release if compensate else None,
            ready=lambda: not inventory.rejecting(),
        )
        pay = Step(name="charge", act=self._charge, holds=True, ready=lambda: not payments.rejecting())
        self._saga = Saga((reserve, pay), journal, ended=self._confirm, turned=_fail, rng=rng)

    def settle(self, order: Order, run: Run) -> None:
        """Drive an order whose saga is ours as far as it can be driven now."""
        self._saga.forward(run, order)

    def resume(self, state: str, find: Callable[[str], Order | None]) -> float:
        """Drive on what nobody drives, `running` or `undoing`. Returns the seconds until the next look."""
        return 0.0 if self._saga.resume(state, find) else _POLL

    def _reserve(self, order: Order, again: bool) -> Outcome:
        wanted = {"sku": order.sku, "quantity": order.quantity}
        try:
            answer = self._inventory.send("PUT", f"/reservations/{order.id}", json=wanted)
            if answer.status_code == 200:
                amount = int(read_object(answer, "unit_price_cents")["unit_price_cents"]) * order.quantity
                return Outcome(Verdict.DONE, write=lambda connection: store.price(connection, order, amount))
        except (httpx.TransportError, ValueError, TypeError):
            # Stock may have been taken all the same: the release leaves a tombstone, which stops what is under way.
            return _UNAVAILABLE
        reason = _REFUSALS.get(answer.status_code)
        if reason is None:
            return _UNAVAILABLE
        # With an earlier attempt still under way, what is refused now may be held later.
        certain = not again and attempts_made(answer.request) == 1
        return Outcome(Verdict.REFUSED if certain else Verdict.UNSURE, reason)

    def _release(self, order: Order) -> bool:
        try:
            return self._inventory.send("DELETE", f"/reservations/{order.id}").is_success
        except httpx.TransportError:
            return False

    def _charge(self, order: Order, again: bool) -> Outcome:
        outcome = charge(self._payments, order)
        log.event("charge", order_id=order.id, outcome=outcome, again=again)
        if outcome == "charged":
            return DONE
        if outcome == "declined":
            return Outcome(Verdict.REFUSED, "declined")
        # An earlier attempt of ours may be at the bank: then only payments' yes or no is an end.
        return Outcome(Verdict.REFUSED, "unavailable") if outcome == "not_charged" and not again else UNSURE

    def _confirm(self, order: Order, connection: Connection) -> None:
        store.confirm(connection, order)
        self._mail(connection, order)


def _fail(order: Order, reason: str, connection: Connection) -> None:
    store.fail(connection, order, reason, free_key=reason == "unavailable")
