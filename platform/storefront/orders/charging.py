"""Asking payments for an order's money, and reading from what happened what is known."""

from __future__ import annotations

import uuid
from typing import Literal

import httpx

from resilience import Wire, attempts_made, never_sent
from resilience.policy import Policy
from storefront.orders.models import Order
from storefront.shared.peers import Peer

Charge = Literal["charged", "declined", "not_charged", "unknown"]

NOT_CHARGED = "urn:storefront:problem:not-charged"
"""The one kind of 503 that payments sends only when no money can have moved."""


def charge(payments: Peer, order: Order) -> Charge:
    """Charge it. The key is the order's id, so that asking again can never charge twice.

    `not_charged` is certain; `unknown` is everything else that is neither yes nor no.
    """
    wanted = {"order_id": order.id, "amount_cents": order.amount_cents, "card": order.card}
    try:
        answer = payments.send("POST", "/charges", json=wanted, headers={"Idempotency-Key": order.id})
    except httpx.TransportError as error:
        return "not_charged" if never_sent(error) else "unknown"
    if answer.status_code == 201:
        return "charged"
    if answer.status_code == 402:
        return "declined"
    # With an earlier attempt of this call still under way, today's "not charged" may not hold tomorrow.
    return "not_charged" if _says_not_charged(answer) and attempts_made(answer.request) == 1 else "unknown"


def _says_not_charged(answer: httpx.Response) -> bool:
    try:
        document = answer.json()
    except ValueError:
        return False
    return answer.status_code == 503 and isinstance(document, dict) and document.get("type") == NOT_CHARGED


class NewKeyEachAttempt(Policy):
    """What `charge_key` switched off means: below the retry, every attempt gets an idempotency key of its own."""

    def __init__(self) -> None:
        super().__init__(Wire())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            request.headers["Idempotency-Key"] = uuid.uuid4().hex
        return super().handle_request(request)
