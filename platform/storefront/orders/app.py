"""The orders service over HTTP."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping

import httpx
from flask import Response, jsonify, request

from storefront.orders.mails import mail_for, send
from storefront.orders.models import Order
from storefront.orders.parts import Parts
from storefront.orders.settings import Settings
from storefront.orders.settlement import FAILURES
from storefront.shared import audit
from storefront.shared.application import ServiceApp
from storefront.shared.bodies import Body, idempotency_key
from storefront.shared.peers import Peer, read_object
from storefront.shared.problems import DependencyProblem, Problem


def create_app(
    settings: Settings, clock: Callable[[], float] = time.time, rng: random.Random | None = None
) -> ServiceApp:
    """`POST /orders`, once per Idempotency-Key.

    201 confirmed; 202 accepted, will be finished; 402 declined; 409 out of stock; 503 nothing was ordered, come again.
    """
    off, parts = settings.policies_off, Parts(settings, clock, rng or random.Random())
    peers, store = parts.peers, parts.store
    details = "problem_details" not in off
    app = ServiceApp("orders", parts.database, settings, peers=peers, backlog=parts.left.waiting, details=details)
    app.loops += [parts.mails, parts.undoing, parts.running]
    app.metrics.add("Work that is left to do, or that needs somebody", parts.left.gauges)

    @app.post("/orders")
    def place() -> tuple[Response, int]:
        key = idempotency_key()
        user = _user(peers["users"])
        wanted = _wanted(user, key, clock())
        if "idempotency" in off:
            wanted.idempotency_key = None
        order, run = store.open(wanted)
        if run is not None:
            parts.settlement.settle(order, run)
            if order.status == "pending":  # perhaps somebody else has decided meanwhile
                order = store.find(order.id) or order
            parts.wake(order)
            if "outbox" in off and order.status == "confirmed":
                _mail_now(peers["notifications"], order)
        return _answer(order)

    @app.get("/orders/<order_id>")
    def read(order_id: str) -> Response:
        user = _user(peers["users"])
        order = store.find(order_id)
        # Somebody else's order looks like none, so that ids cannot be tried out.
        if order is None or order.user_id != user["id"]:
            raise Problem(404, "no-such-order", "You have no order with this id")
        return jsonify(_view(order))

    audit.register(app, parts.database, "orders", Order, _audited)
    return app


def _user(users: Peer) -> dict[str, str]:
    """Who is asking. Raises `Problem`: 401, or 503 when users cannot say."""
    authorization = request.headers.get("Authorization", "")
    if not authorization.isascii():  # no token looks so, and it could not be sent on
        raise _unauthorized()
    try:
        answer = users.send("GET", "/me", headers={"Authorization": authorization})
        if answer.status_code == 200:
            return read_object(answer, "id", "email")
    except (httpx.TransportError, ValueError) as error:
        raise users.problem(error) from None
    if answer.status_code == 401:
        raise _unauthorized()
    raise users.problem()


def _unauthorized() -> Problem:
    return Problem(401, "unauthorized", "A valid bearer token is needed", headers={"WWW-Authenticate": "Bearer"})


def _wanted(user: Mapping[str, str], key: str, now: float) -> Order:
    body = Body()
    return Order(
        id=uuid.uuid4().hex,
        user_id=user["id"],
        email=user["email"],
        client_key=key,
        idempotency_key=key,
        sku=body.text("sku", r"[A-Z0-9-]{1,20}", "a sku such as MUG-01"),
        quantity=body.integer("quantity", 1, 100),
        card=body.text("card", r"[a-z0-9-]{1,40}", "a card such as card-ok"),
        fingerprint=body.fingerprint(),
        created_at=now,
    )


def _mail_now(notifications: Peer, order: Order) -> None:
    try:
        if send(notifications, mail_for(order), order.id).status_code >= 300:
            raise notifications.problem()
    except httpx.TransportError as error:
        raise notifications.problem(error) from None


def _answer(order: Order) -> tuple[Response, int]:
    location = {"Location": f"/orders/{order.id}"}
    if order.status == "failed":
        failure = FAILURES[order.reason or "unavailable"]
        kind = (order.reason or "unavailable").replace("_", "-")
        if failure.status == 503:
            raise DependencyProblem("", failure.detail, kind=kind, headers=location)
        raise Problem(failure.status, kind, failure.detail, headers=location)
    response = jsonify(_view(order))
    response.headers.update(location)
    return response, 201 if order.status == "confirmed" else 202


def _view(order: Order) -> dict[str, object]:
    return {
        "id": order.id,
        "status": order.status,
        "reason": order.reason,
        "sku": order.sku,
        "quantity": order.quantity,
        "amount_cents": order.amount_cents,
    }


def _audited(order: Order) -> dict[str, object]:
    return {**_view(order), "user_id": order.user_id, "client_key": order.client_key, "created_at": order.created_at}
