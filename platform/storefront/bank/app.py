"""The bank over HTTP."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from flask import Response, jsonify
from sqlalchemy import select

from storefront.bank.models import Base, Transfer
from storefront.bank.settings import Settings
from storefront.shared import audit
from storefront.shared.application import ServiceApp
from storefront.shared.bodies import Body, check_same_payload, idempotency_key
from storefront.shared.database import Database
from storefront.shared.problems import Problem

DECLINED_CARD = "card-declined"
"""The test card: a payment with it is declined, whatever the amount."""


def create_app(settings: Settings, clock: Callable[[], float] = time.time) -> ServiceApp:
    """`POST /transfers` moves money, once per Idempotency-Key: 201 when it did, 402 when it declined."""
    database = Database(settings.database_url, Base.metadata, connections=settings.threads)
    app = ServiceApp("bank", database, settings)

    @app.post("/transfers")
    def transfer() -> tuple[Response, int]:
        key, body = idempotency_key(), Body()
        kind = body.text("kind", "payment|refund", "payment or refund")
        amount = body.integer("amount_cents", 1, 2**31)
        card = body.text("card", r"[a-z0-9-]{1,40}", "a card such as card-ok")
        reference = body.text("reference", r"[A-Za-z0-9._-]{1,64}", "1 to 64 letters, digits, . _ or -")
        declined = kind == "payment" and (card == DECLINED_CARD or amount > settings.limit_cents)
        wanted = Transfer(
            id=uuid.uuid4().hex,
            idempotency_key=key,
            fingerprint=body.fingerprint(),
            kind=kind,
            status="declined" if declined else "accepted",
            amount_cents=amount,
            reference=reference,
            created_at=clock(),
        )
        return _answer(_once(database, wanted))

    @app.get("/transfers/<transfer_id>")
    def read(transfer_id: str) -> Response:
        with database.read() as session:
            row = session.scalar(select(Transfer).where(Transfer.id == transfer_id))
        if row is None:
            raise Problem(404, "no-such-transfer", "There is no transfer with this id")
        return jsonify(_transfer(row))

    audit.register(app, database, "transfers", Transfer, _transfer)
    return app


def _once(database: Database, wanted: Transfer) -> Transfer:
    """The transfer of that key: the one made before, or this one."""
    if database.add(wanted):
        return wanted
    with database.read() as session:
        known = session.scalars(select(Transfer).where(Transfer.idempotency_key == wanted.idempotency_key)).one()
    check_same_payload(known.fingerprint, wanted.fingerprint)
    return known


def _answer(row: Transfer) -> tuple[Response, int]:
    if row.status == "declined":
        raise Problem(402, "declined", "The bank declined the payment")
    return jsonify(_transfer(row)), 201


def _transfer(row: Transfer) -> dict[str, object]:
    return {
        "id": row.id,
        "kind": row.kind,
        "status": row.status,
        "amount_cents": row.amount_cents,
        "reference": row.reference,
        "created_at": row.created_at,
    }
