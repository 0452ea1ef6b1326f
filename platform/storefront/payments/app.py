"""The payments service over HTTP."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping

from flask import Response, jsonify
from sqlalchemy import func, select

from storefront.payments.models import Base, Movement
from storefront.payments.movements import Movements
from storefront.payments.settings import Settings
from storefront.payments.settling import Settling
from storefront.shared import audit
from storefront.shared.application import ServiceApp
from storefront.shared.background import Loop
from storefront.shared.bodies import Body, idempotency_key
from storefront.shared.database import Database
from storefront.shared.peers import Peer, open_breakers
from storefront.shared.problems import DependencyProblem, Problem


def create_app(settings: Settings, clock: Callable[[], float] = time.time) -> ServiceApp:
    """`POST /charges`, once per Idempotency-Key.

    201 charged; 402 declined; 503 `not-charged`: certainly not charged; 202 not known yet: ask again with the same key.
    The bank is asked until it is known, also when nobody comes again.
    """
    database = Database(settings.database_url, Base.metadata, connections=settings.threads)
    bank = Peer("payments", "bank", settings.bank_url, policy=settings.policies.edges["bank"])
    peers = {"bank": bank}
    app = ServiceApp(
        "payments",
        database,
        settings,
        peers=peers,
        backlog=lambda: _backlog(database, peers),
        details="problem_details" not in settings.policies_off,
    )
    movements = Movements(database, bank, clock)
    app.loops.append(Loop("settling", Settling(movements, bank, random.Random()).step))

    @app.post("/charges")
    def charge() -> tuple[Response, int]:
        return _answer(movements.carry_out(_charge(idempotency_key(), clock())))

    @app.post("/charges/<charge_id>/refunds")
    def refund(charge_id: str) -> tuple[Response, int]:
        key, paid = idempotency_key(), _find(database, charge_id)
        wanted = _refund(paid, key, clock())
        _check_refundable(database, paid, wanted)
        return _answer(movements.carry_out(wanted))

    @app.get("/charges/<charge_id>")
    def read(charge_id: str) -> Response:
        return jsonify(_view(_find(database, charge_id)))

    audit.register(app, database, "charges", Movement, _view)
    return app


def _charge(key: str, now: float) -> Movement:
    body = Body()
    return Movement(
        id=uuid.uuid4().hex,
        idempotency_key=key,
        kind="payment",
        refund_of=None,
        order_id=body.text("order_id", r"[A-Za-z0-9._-]{1,64}", "1 to 64 letters, digits, . _ or -"),
        amount_cents=body.integer("amount_cents", 1, 2**31 - 1),
        card=body.text("card", r"[a-z0-9-]{1,40}", "a card such as card-ok"),
        fingerprint=f"payment:{body.fingerprint()}",
        created_at=now,
    )


def _refund(paid: Movement, key: str, now: float) -> Movement:
    body = Body()
    return Movement(
        id=uuid.uuid4().hex,
        idempotency_key=key,
        kind="refund",
        refund_of=paid.id,
        order_id=paid.order_id,
        amount_cents=body.integer("amount_cents", 1, 2**31 - 1),
        card=paid.card,
        fingerprint=f"refund:{paid.id}:{body.fingerprint()}",
        created_at=now,
    )


def _find(database: Database, charge_id: str) -> Movement:
    with database.read() as session:
        row = session.scalar(select(Movement).where(Movement.id == charge_id, Movement.kind == "payment"))
    if row is None:
        raise Problem(404, "no-such-charge", "There is no charge with this id")
    return row


def _check_refundable(database: Database, paid: Movement, wanted: Movement) -> None:
    if paid.status != "succeeded":
        raise Problem(409, "not-refundable", f"The charge is {paid.status}; only one that succeeded can be refunded")
    others = select(func.coalesce(func.sum(Movement.amount_cents), 0)).where(
        Movement.refund_of == paid.id,
        Movement.status.in_(("pending", "succeeded")),
        Movement.idempotency_key != wanted.idempotency_key,
    )
    with database.read() as session:
        refunded = session.scalar(others) or 0
    if refunded + wanted.amount_cents > paid.amount_cents:
        raise Problem(409, "refund-too-large", f"{paid.amount_cents - refunded} cents of the charge can be refunded")


def _answer(row: Movement) -> tuple[Response, int]:
    if row.status == "declined":
        raise Problem(402, "declined", "The bank declined the payment")
    if row.status == "abandoned":
        raise DependencyProblem("bank", "The bank was not reached; nothing was charged", kind="not-charged")
    return jsonify(_view(row)), 201 if row.status == "succeeded" else 202


def _backlog(database: Database, peers: Mapping[str, Peer]) -> dict[str, object]:
    with database.read() as session:
        pending = session.scalar(select(func.count()).where(Movement.status == "pending"))
    found = {"pending_charges": pending, "breakers": open_breakers(peers)}
    return {name: value for name, value in found.items() if value}


def _view(row: Movement) -> dict[str, object]:
    return {
        "id": row.id,
        "kind": row.kind,
        "status": row.status,
        "order_id": row.order_id,
        "amount_cents": row.amount_cents,
        "refund_of": row.refund_of,
        "created_at": row.created_at,
    }
