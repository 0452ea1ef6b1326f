"""Every change of an order: one transaction each, under a condition each, so that no two threads can both decide."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from sqlalchemy import Update, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from storefront.orders.models import Errand, Order
from storefront.shared.bodies import check_same_payload
from storefront.shared.database import Database, table_of

LEASE = 5.0
"""Seconds that whoever claimed an order has to settle it; several times what its calls may take."""

_PENDING = update(table_of(Order)).where(Order.id == bindparam("order"), Order.status == "pending")
_OURS = _PENDING.where(Order.attempt == bindparam("claim"))
_CLAIM = _OURS.values(attempt=Order.attempt + 1, due_at=bindparam("until"))
_BEGIN_CHARGE = _OURS.values(charge_begun=True, amount_cents=bindparam("amount"))
_POSTPONE = _OURS.values(due_at=bindparam("until"))
_FAILED = {"status": "failed", "reason": bindparam("why"), "idempotency_key": bindparam("key")}
_CONFIRM = _PENDING.values(status="confirmed")
_FAIL = _PENDING.values(_FAILED)
_FAIL_OURS = _OURS.values(_FAILED)
_OWE = insert(table_of(Errand))
_BY_ID = select(Order).where(Order.id == bindparam("order"))


class OrderStore:
    """Orders and what is owed for them. `clock` gives Unix seconds.

    An order that was changed here shows the change itself; one that somebody else decided is read again.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock

    def open(self, wanted: Order) -> tuple[Order, bool]:
        """The order of that key, and whether it is new (then it is claimed for the caller). Raises `Problem` 422."""
        wanted.status, wanted.attempt, wanted.due_at = "pending", 1, self._clock() + LEASE
        wanted.charge_begun = False
        if self._database.add(wanted):
            return wanted, True
        same_key = (Order.user_id == wanted.user_id, Order.idempotency_key == wanted.idempotency_key)
        with self._database.read() as session:
            known = session.scalar(select(Order).where(*same_key))
        if known is None:  # it failed a moment ago, and gave the key free
            return self.open(wanted)
        check_same_payload(known.fingerprint, wanted.fingerprint)
        return known, False

    def find(self, order_id: str) -> Order | None:
        with self._database.read() as session:
            return session.scalar(_BY_ID, {"order": order_id})

    def due(self, limit: int) -> Sequence[Order]:
        """Pending orders that nobody works on."""
        with self._database.read() as session:
            wanted = select(Order).where(Order.status == "pending", Order.due_at <= self._clock())
            return session.scalars(wanted.order_by(Order.due_at).limit(limit)).all()

    def claim(self, order: Order) -> bool:
        """Make it ours to settle for `LEASE` seconds. False when somebody else was quicker."""
        with self._database.write() as session:
            claimed = _changed(session, _CLAIM, order, until=self._clock() + LEASE)
        order.attempt += claimed
        return claimed

    def begin_charge(self, order: Order, amount_cents: int) -> bool:
        """From now on money may move. False when the claim is not ours any more."""
        with self._database.write() as session:
            begun = _changed(session, _BEGIN_CHARGE, order, amount=amount_cents)
        if begun:
            order.charge_begun, order.amount_cents = True, amount_cents
        return begun

    def postpone(self, order: Order, delay: float) -> None:
        """Let the finisher try again in `delay` seconds."""
        with self._database.write() as session:
            _changed(session, _POSTPONE, order, until=self._clock() + delay)

    def confirm(self, order: Order, *, mail: bool) -> None:
        """It is paid. The mail is owed from the same moment."""
        with self._database.write() as session:
            confirmed = _changed(session, _CONFIRM, order)
            if confirmed and mail:
                _owe(session, "mail", order.id)
        if confirmed:
            order.status = "confirmed"

    def fail(self, order: Order, reason: str, *, release: bool, free_key: bool, ours: bool) -> None:
        """It will not be.

        `release`: stock is owed back; `ours`: only while the claim is; `free_key`: the key may order anew.
        """
        key = None if free_key else order.idempotency_key
        with self._database.write() as session:
            failed = _changed(session, _FAIL_OURS if ours else _FAIL, order, why=reason, key=key)
            if failed and release:
                _owe(session, "release", order.id)
        if failed:
            order.status, order.reason, order.idempotency_key = "failed", reason, key

    def counts(self) -> dict[str, int]:
        """How much is left to do: pending orders, releases and mails."""
        with self._database.read() as session:
            pending = session.scalar(select(func.count()).where(Order.status == "pending"))
            owed = session.execute(
                select(Errand.kind, func.count()).where(Errand.done.is_(False)).group_by(Errand.kind)
            )
            return {"pending_orders": pending or 0, **{f"owed_{kind}s": count for kind, count in owed}}


def _changed(session: Session, change: Update, order: Order, **values: object) -> bool:
    """Whether the condition held, and the row was changed."""
    parameters = {"order": order.id, "claim": order.attempt, **values}
    return bool(session.execute(change, parameters).rowcount)  # type: ignore[attr-defined]


def _owe(session: Session, kind: str, order_id: str) -> None:
    errand = {"id": uuid.uuid4().hex, "kind": kind, "order_id": order_id, "attempts": 0, "due_at": 0.0, "done": False}
    session.execute(_OWE, errand)
