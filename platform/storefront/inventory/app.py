"""The inventory service over HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from flask import Response, jsonify
from sqlalchemy import func, select

from storefront.inventory.models import Base, Product, Reservation, seed
from storefront.inventory.reservations import Reservations
from storefront.inventory.settings import Settings
from storefront.shared import audit
from storefront.shared.application import ServiceApp
from storefront.shared.bodies import Body
from storefront.shared.database import Database
from storefront.shared.problems import Problem

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def create_app(settings: Settings, clock: Callable[[], float] = time.time) -> ServiceApp:
    """The catalogue, and reservations by an id that the caller chooses."""
    database = Database(settings.database_url, Base.metadata, connections=settings.threads)
    seed(database, settings.initial_stock)
    app = ServiceApp("inventory", database, settings)
    reservations = Reservations(database, clock)

    @app.get("/products")
    def products() -> Response:
        with database.read() as session:
            return jsonify(items=[_product(row) for row in session.scalars(select(Product).order_by(Product.sku))])

    @app.get("/products/<sku>")
    def product(sku: str) -> Response:
        with database.read() as session:
            row = session.get(Product, sku)
        if row is None:
            raise Problem(404, "no-such-product", "There is no product with this sku")
        return jsonify(_product(row))

    @app.put("/reservations/<reservation_id>")
    def hold(reservation_id: str) -> Response:
        _check_id(reservation_id)
        body = Body()
        sku, quantity = body.text("sku", r"[A-Z0-9-]{1,20}", "a sku such as MUG-01"), body.integer("quantity", 1, 1000)
        body.fingerprint()
        price = reservations.reserve(reservation_id, sku, quantity)
        return jsonify(id=reservation_id, sku=sku, quantity=quantity, unit_price_cents=price)

    @app.delete("/reservations/<reservation_id>")
    def give_back(reservation_id: str) -> Response:
        _check_id(reservation_id)
        reservations.release(reservation_id)
        answer = Response(status=204)
        answer.headers.remove("Content-Type")  # of nothing
        return answer

    @app.get("/audit/stock")
    def stock() -> Response:
        held = (
            select(func.coalesce(func.sum(Reservation.quantity), 0))
            .where(Reservation.sku == Product.sku, Reservation.status == "held")
            .scalar_subquery()
        )
        with database.read() as session:
            rows = session.execute(select(Product.sku, Product.initial, Product.available, held)).all()
        return jsonify(items=[{"sku": s, "initial": i, "available": a, "held": h} for s, i, a, h in rows])

    audit.register(app, database, "reservations", Reservation, _reservation)
    return app


def _check_id(reservation_id: str) -> None:
    # Whoever reserves chooses it, and even a release that comes first is stored under it.
    if not _ID.fullmatch(reservation_id):
        right = "1 to 64 letters, digits, . _ or -, a letter or digit first"
        raise Problem(422, "invalid-parameter", f"reservation_id must be {right}")


def _product(row: Product) -> dict[str, object]:
    return {"sku": row.sku, "name": row.name, "price_cents": row.price_cents, "available": row.available}


def _reservation(row: Reservation) -> dict[str, object]:
    return {
        "id": row.id,
        "sku": row.sku,
        "quantity": row.quantity,
        "status": row.status,
        "created_at": row.created_at,
    }
