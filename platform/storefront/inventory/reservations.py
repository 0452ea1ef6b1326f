"""Reserving and releasing stock: both can be repeated, and a release is final even when it comes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypedDict

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from storefront.inventory.models import Product, Reservation
from storefront.shared.database import Database, insert_new, table_of
from storefront.shared.problems import Problem

_PRICE = select(Product.price_cents).where(Product.sku == bindparam("wanted"))
_KNOWN = select(Reservation.sku, Reservation.quantity, Reservation.status).where(Reservation.id == bindparam("wanted"))
_RECORD = insert(table_of(Reservation))
_TOMBSTONE = insert_new(Reservation)
# The condition is in the statement: two reservations at once cannot both take the last piece.
_TAKE = (
    update(table_of(Product))
    .where(Product.sku == bindparam("wanted"), Product.available >= bindparam("pieces"))
    .values(available=Product.available - bindparam("pieces"))
)
_GIVE_BACK = (
    update(table_of(Product))
    .where(Product.sku == bindparam("wanted"))
    .values(available=Product.available + bindparam("pieces"))
)
_RELEASE = (
    update(table_of(Reservation))
    .where(Reservation.id == bindparam("wanted"), Reservation.status == "held")
    .values(status="released")
)


class _Row(TypedDict):
    id: str
    sku: str | None
    quantity: int
    status: Literal["held", "released"]
    created_at: float


class Reservations:
    """Stock that is set aside, by an id that the caller chooses. `clock` gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock

    def reserve(self, reservation_id: str, sku: str, quantity: int) -> int:
        """Take stock, once however often it is asked. Returns the price of one piece, in cents.

        Raises `Problem`: 404 no such product, 409 out of stock, 410 released before, 422 other than before.
        """
        row = _Row(id=reservation_id, sku=sku, quantity=quantity, status="held", created_at=self._clock())
        try:
            return self._take(row)
        except IntegrityError:
            return self._same_again(row)

    def release(self, reservation_id: str) -> None:
        """Give stock back, once however often it is asked.

        Leaves a tombstone where there was nothing to release, so that a reservation that comes late takes no stock.
        """
        tombstone = _Row(id=reservation_id, sku=None, quantity=0, status="released", created_at=self._clock())
        with self._database.write() as connection:
            known = connection.execute(_KNOWN, {"wanted": reservation_id}).one_or_none()
            if known is None and connection.execute(_TOMBSTONE, tombstone).rowcount:
                return
            if connection.execute(_RELEASE, {"wanted": reservation_id}).rowcount:
                # Perhaps only just reserved, by somebody else: it could not be seen before.
                known = known or connection.execute(_KNOWN, {"wanted": reservation_id}).one()
                connection.execute(_GIVE_BACK, {"wanted": known.sku, "pieces": known.quantity})

    def _take(self, row: _Row) -> int:
        with self._database.write() as connection:
            price: int | None = connection.scalar(_PRICE, {"wanted": row["sku"]})
            if price is None:
                raise Problem(404, "no-such-product", "There is no product with this sku")
            connection.execute(_RECORD, row)
            taken = connection.execute(_TAKE, {"wanted": row["sku"], "pieces": row["quantity"]})
            if not taken.rowcount:
                raise Problem(409, "out-of-stock", f"There are fewer than {row['quantity']} of {row['sku']} left")
        return price

    def _same_again(self, row: _Row) -> int:
        with self._database.view() as connection:
            known = connection.execute(_KNOWN, {"wanted": row["id"]}).one()
            price = connection.scalar(_PRICE, {"wanted": row["sku"]})
        if known.status == "released":
            raise Problem(410, "reservation-released", "This reservation was released and cannot come back")
        if price is None or (known.sku, known.quantity) != (row["sku"], row["quantity"]):
            raise Problem(422, "reservation-changed", "This reservation holds something else")
        return price
