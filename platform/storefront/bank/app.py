"""The bank over HTTP."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping

from flask import Response, jsonify
from sqlalchemy import insert, select

from resilience.durable import Claim, IdempotencyStore
from storefront.bank.models import KEYS, Base, Transfer
from storefront.bank.settings import Settings
from storefront.shared import audit, problems
from storefront.shared.application import ServiceApp
from storefront.shared.bodies import Body, idempotency_key
from storefront.shared.database import Database, table_of
from storefront.shared.once import Once
from storefront.shared.problems import Problem

_RECORD = insert(table_of(Transfer))
DECLINED_CARD = "card-declined"
"""The test card: a payment with it is declined, whatever the amount."""


def create_app(settings: Settings, clock: Callable[[], float] = time.time) -> ServiceApp:
    """`POST /transfers` moves money, once per Idempotency-Key: 201 when it did, 402 when it declined."""
    database = Database(settings.database_url, Base.metadata, connections=settings.threads)
    app = ServiceApp("bank", database, settings)
    once = Once(IdempotencyStore(KEYS, settings.idempotency, clock), database)
    app.keep(once)

    @app.post("/transfers")
    def transfer() -> Response:
        key, body = idempotency_key(), Body()
        kind = body.text("kind", "payment|refund", "payment or refund")
        amount = body.integer("amount_cents", 1, 2**31 - 1)
        card = body.text("card", r"[a-z0-9-]{1,40}", "a card such as card-ok")
        reference = body.text("reference", r"[A-Za-z0-9._-]{1,64}", "1 to 64 letters, digits, . _ or -")
        declined = kind == "payment" and (card == DECLINED_CARD or amount > settings.limit_cents)
        row = {
            "id": uuid.uuid4().hex,
            "kind": kind,
            "status": "declined" if declined else "accepted",
            "amount_cents": amount,
            "reference": reference,
            "created_at": clock(),
        }

        claim = Claim(scope="POST /transfers", key=key, fingerprint=body.fingerprint())
        return once.together(claim, _answer(row), lambda connection: connection.execute(_RECORD, row))

    @app.get("/transfers/<transfer_id>")
    def read(transfer_id: str) -> Response:
        with database.read() as session:
            row = session.scalar(select(Transfer).where(Transfer.id == transfer_id))
        if row is None:
            raise Problem(404, "no-such-transfer", "There is no transfer with this id")
        return jsonify(_transfer(row))

    audit.register(app, database, "transfers", Transfer, _transfer)
    return app


def _answer(row: Mapping[str, object]) -> Response:
    if row["status"] == "declined":
        return problems.answer(Problem(402, "declined", "The bank declined the payment"))
    response = jsonify(row)
    response.status_code = 201
    return response


def _transfer(row: Transfer) -> dict[str, object]:
    return {
        "id": row.id,
        "kind": row.kind,
        "status": row.status,
        "amount_cents": row.amount_cents,
        "reference": row.reference,
        "created_at": row.created_at,
    }
