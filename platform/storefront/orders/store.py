"""Orders in the database: one for each key of a customer, opened together with the saga that settles it."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from resilience.durable import Journal, Run
from storefront.orders.models import Order
from storefront.shared.bodies import check_same_payload
from storefront.shared.database import Database, table_of, values_of

_RECORD = insert(table_of(Order))
_BY_ID = select(Order).where(Order.id == bindparam("order"))
_SAME_KEY = select(Order).where(Order.user_id == bindparam("user"), Order.idempotency_key == bindparam("key"))
_OF = update(table_of(Order)).where(Order.id == bindparam("order"))
_PRICE = _OF.values(amount_cents=bindparam("amount"))
_CONFIRM = _OF.values(status="confirmed")
_FAIL = _OF.values(status="failed", reason=bindparam("why"), idempotency_key=bindparam("key"))


class OrderStore:
    """Opens and finds orders. What changes one is written in the transaction of its saga."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database, self._journal = database, journal

    def open(self, wanted: Order) -> tuple[Order, Run | None]:
        """The order of that key and, when it is new, its saga, which is the caller's to drive. Raises `Problem` 422."""
        wanted.status = "pending"
        try:
            with self._database.write() as connection:
                connection.execute(_RECORD, values_of(wanted))
                return wanted, self._journal.open(connection, wanted.id)
        except IntegrityError:
            with self._database.read() as session:
                known = session.scalar(_SAME_KEY, {"user": wanted.user_id, "key": wanted.idempotency_key})
        if known is None:  # it failed a moment ago, and gave the key free
            return self.open(wanted)
        check_same_payload(known.fingerprint, wanted.fingerprint)
        return known, None

    def find(self, order_id: str) -> Order | None:
        with self._database.read() as session:
            return session.scalar(_BY_ID, {"order": order_id})


def price(connection: Connection, order: Order, amount_cents: int) -> None:
    """What it will cost."""
    connection.execute(_PRICE, {"order": order.id, "amount": amount_cents})
    order.amount_cents = amount_cents


def confirm(connection: Connection, order: Order) -> None:
    """It is paid."""
    connection.execute(_CONFIRM, {"order": order.id})
    order.status = "confirmed"


def fail(connection: Connection, order: Order, reason: str, *, free_key: bool) -> None:
    """It will not be. `free_key`: its key may order anew."""
    order.status, order.reason = "failed", reason
    order.idempotency_key = None if free_key else order.idempotency_key
    connection.execute(_FAIL, {"order": order.id, "why": reason, "key": order.idempotency_key})
