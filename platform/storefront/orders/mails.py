"""The mail that confirms an order: written into the outbox, delivered to notifications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from resilience.durable import Delivery, Message
from storefront.orders.models import Order
from storefront.shared import log
from storefront.shared.peers import Peer

_NOT_NOW = frozenset({408, 409, 425, 429})
"""Refusals that say nothing against the message."""


def mail_for(order: Order) -> dict[str, Any]:
    """What notifications is asked to send."""
    return {
        "recipient": order.email,
        "subject": f"Your order {order.id[:8]} is confirmed",
        "text": f"Thank you. {order.quantity} x {order.sku}, {(order.amount_cents or 0) / 100:.2f} in all.",
        "reference": order.id,
    }


def send(notifications: Peer, mail: Mapping[str, Any], key: str) -> httpx.Response:
    """One call of notifications. Raises `httpx.TransportError`."""
    return notifications.send("POST", "/notifications", json=dict(mail), headers={"Idempotency-Key": key})


def deliver(notifications: Peer, message: Message) -> Delivery:
    """The relay's attempt at one message."""
    try:
        status = send(notifications, message.payload, message.id).status_code
    except httpx.TransportError:
        status = 0
    if 200 <= status < 300:
        return Delivery.DELIVERED
    log.event("mail not delivered", order_id=message.aggregate, status=status, attempts=message.attempts)
    return Delivery.POISON if 400 <= status < 500 and status not in _NOT_NOW else Delivery.LATER
