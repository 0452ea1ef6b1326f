"""Delivers what the outbox holds: at least once, each errand with a key of its own, for as long as it takes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import httpx
from sqlalchemy import Update, bindparam, select, update

from resilience import trace
from storefront.orders.models import Errand, Order
from storefront.shared import log
from storefront.shared.database import Database, table_of
from storefront.shared.peers import Peer

_BATCH = 50
_POLL = 0.25
"""Seconds between two looks while there is nothing to do; whoever owes something new wakes the relay."""
_LONGEST = 2.0
"""Seconds between two attempts at the same errand, at most."""

_DUE = (
    select(Errand, Order)
    .join(Order, Order.id == Errand.order_id)
    .where(Errand.kind == bindparam("kind"), Errand.done.is_(False), Errand.due_at <= bindparam("now"))
    .order_by(Errand.seq)
    .limit(_BATCH)
)
_DONE = update(table_of(Errand)).where(Errand.id == bindparam("errand")).values(done=True)
_LATER = (
    update(table_of(Errand))
    .where(Errand.id == bindparam("errand"))
    .values(attempts=Errand.attempts + 1, due_at=bindparam("due"))
)

Errands = Sequence[tuple[Errand, Order]]
Deliver = Callable[[Errand, Order], httpx.Response]


class Relay:
    """One kind of errand, to one peer. `clock` gives Unix seconds."""

    def __init__(
        self,
        kind: str,
        peer: Peer,
        deliver: Deliver,
        *,
        database: Database,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._kind, self._peer, self._deliver = kind, peer, deliver
        self._database, self._clock, self._rng = database, clock, rng

    def step(self) -> float:
        """Deliver what is due. Returns the seconds until the next step."""
        found = self._due()
        for errand, order in found:
            if self._peer.rejecting():
                return _POLL
            trace.request_id.set(order.request_id)
            self._attempt(errand, order)
        return 0.0 if len(found) == _BATCH else _POLL

    def _due(self) -> Errands:
        with self._database.read() as session:
            rows = session.execute(_DUE, {"kind": self._kind, "now": self._clock()})
            return [(errand, order) for errand, order in rows]

    def _attempt(self, errand: Errand, order: Order) -> None:
        try:
            status = self._deliver(errand, order).status_code
        except httpx.TransportError:
            status = 0
        if 200 <= status < 300:
            self._change(_DONE, errand)
            return
        # Each errand backs off on its own: one that can never be delivered must not hold up the others.
        widest = min(_LONGEST, 0.25 * 2.0 ** min(errand.attempts, 10))
        self._change(_LATER, errand, due=self._clock() + self._rng.uniform(widest / 2, widest))
        log.event("errand not delivered", kind=self._kind, order_id=order.id, status=status, attempts=errand.attempts)

    def _change(self, change: Update, errand: Errand, **values: object) -> None:
        with self._database.write() as session:
            session.execute(change, {"errand": errand.id, **values})


def release(inventory: Peer) -> Deliver:
    """Give an order's stock back. Can be repeated."""
    return lambda _, order: inventory.send("DELETE", f"/reservations/{order.id}")


def mail(notifications: Peer) -> Deliver:
    """Tell the customer that the order is confirmed."""
    return lambda errand, order: send_mail(notifications, order, errand.id)


def send_mail(notifications: Peer, order: Order, key: str) -> httpx.Response:
    """One call of notifications. Raises `httpx.TransportError`."""
    message = {
        "recipient": order.email,
        "subject": f"Your order {order.id[:8]} is confirmed",
        "text": f"Thank you. {order.quantity} x {order.sku}, {(order.amount_cents or 0) / 100:.2f} in all.",
        "reference": order.id,
    }
    return notifications.send("POST", "/notifications", json=message, headers={"Idempotency-Key": key})
