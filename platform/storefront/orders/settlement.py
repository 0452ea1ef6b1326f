"""Brings an order to its end: confirmed or failed, never in between for good.

    pending ──reserve──> (price) ──begin charge──> ──charge──> confirmed   + a mail is owed
       │          │                      ╎             │
       │          │ refused              ╎             ├ declined ───────> failed  + a release is owed
       │          └─> failed             ╎             ├ not charged ────> failed  + a release is owed, key free
       │ no answer                       ╎             └ unknown ────────> pending: the finisher asks again,
       └─> failed + a release is owed    ╎                                 with the same key, until payments says
                  (whatever was held)    ╎
            before this line nothing was charged, behind it only payments' own answer decides

The request and the finisher's thread run the same function; what it does can be repeated.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

import httpx

from storefront.orders.charging import charge
from storefront.orders.models import Order
from storefront.orders.store import OrderStore
from storefront.shared import log
from storefront.shared.peers import Peer, read_object

Refusal = Literal["no_such_product", "out_of_stock", "unavailable"]


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


class Settlement:
    """`compensate` and `mail` off leave out what is owed: only to show that somebody notices."""

    def __init__(
        self,
        store: OrderStore,
        inventory: Peer,
        payments: Peer,
        *,
        compensate: bool = True,
        mail: bool = True,
        rng: random.Random,
    ) -> None:
        self._store, self._inventory, self._payments = store, inventory, payments
        self._compensate, self._mail, self._rng = compensate, mail, rng

    def settle(self, order: Order) -> None:
        """Drive an order whose claim is ours as far as it can be driven now."""
        price = self._reserve(order)
        if isinstance(price, str):
            self._not_reserved(order, price)
            return
        first = not order.charge_begun
        if self._store.begin_charge(order, price * order.quantity):
            self._charge(order, first=first)

    def _reserve(self, order: Order) -> int | Refusal:
        """The price of one piece in cents, held under the order's id; or why there is none."""
        wanted = {"sku": order.sku, "quantity": order.quantity}
        try:
            answer = self._inventory.send("PUT", f"/reservations/{order.id}", json=wanted)
            if answer.status_code == 200:
                return int(read_object(answer, "unit_price_cents")["unit_price_cents"])
        except (httpx.TransportError, ValueError, TypeError):
            return "unavailable"
        refusals: dict[int, Refusal] = {404: "no_such_product", 409: "out_of_stock"}
        return refusals.get(answer.status_code, "unavailable")

    def _not_reserved(self, order: Order, why: Refusal) -> None:
        if order.charge_begun:
            self._postpone(order)
        else:
            # The answer may have been lost after stock was taken: a release is owed, and its tombstone
            # stops a reservation that is still under way.
            self._fail(order, why, release=why == "unavailable", ours=True)

    def _charge(self, order: Order, *, first: bool) -> None:
        outcome = charge(self._payments, order)
        log.event("charge", order_id=order.id, outcome=outcome, attempt=order.attempt)
        if outcome == "charged":
            self._store.confirm(order, mail=self._mail)
        elif outcome == "declined":
            self._fail(order, "declined", release=True, ours=False)
        elif outcome == "not_charged" and first:
            self._fail(order, "unavailable", release=True, ours=True)
        else:
            self._postpone(order)

    def _fail(self, order: Order, reason: str, *, release: bool, ours: bool) -> None:
        free_key = reason == "unavailable"
        self._store.fail(order, reason, release=release and self._compensate, free_key=free_key, ours=ours)

    def _postpone(self, order: Order) -> None:
        widest = min(2.0, 0.25 * 2.0 ** min(order.attempt, 10))
        self._store.postpone(order, self._rng.uniform(widest / 2, widest))
