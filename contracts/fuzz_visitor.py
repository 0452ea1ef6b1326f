"""What fuzzing must know of the storefront that no document says: who is asking, and what exists.

Generated requests keep what was generated, but for what is needed to get past the door. A `deep` request must also get
all the way through, so it names a product that is sold, a card that is good, an order that was placed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

SKUS = ("MUG-01", "TEE-02", "CAP-03", "BAG-04", "PEN-05", "PAD-06", "LMP-07", "CLK-08", "MAP-09", "KIT-10")
CARD = "card-ok"
AMOUNT = 1200


def set_up(world: Any) -> None:
    """A customer who is logged in, and one of everything that can be read."""
    credentials = {"email": f"fuzz-{uuid.uuid4().hex}@storefront.example", "password": uuid.uuid4().hex}
    memory = world.memory
    memory["credentials"] = credentials
    memory["user"] = _made(world, "users", "/users", credentials)["id"]
    memory["token"] = _made(world, "users", "/sessions", credentials)["token"]
    order = {"sku": SKUS[0], "quantity": 1, "card": CARD}
    memory["order"] = _made(world, "orders", "/orders", order, _bearer(memory["token"]))["id"]
    memory["charge"] = _charge(world)
    transfer = {"kind": "payment", "amount_cents": AMOUNT, "card": CARD, "reference": uuid.uuid4().hex}
    memory["transfer"] = _made(world, "bank", "/transfers", transfer)["id"]
    mail = {"recipient": credentials["email"], "subject": "Hello", "text": "Hello", "reference": uuid.uuid4().hex}
    memory["notification"] = _made(world, "notifications", "/notifications", mail)["id"]


def complete(world: Any, request: Any) -> None:
    """Credentials and a fresh key always; what must exist only where the request has to get all the way."""
    if request.secured:
        request.headers.update(_bearer(world.memory["token"]))
    if "Idempotency-Key" in request.headers:
        # A generated key comes again in the next run of the same seed, and would be that run's request.
        request.headers["Idempotency-Key"] = uuid.uuid4().hex
    if request.deep:
        request.headers.pop("X-Request-Timeout-Ms", None)  # "0" means: too late already
        existing = _EXISTING.get((request.service, request.operation))
        if existing is not None:
            existing(world, request)


def bad_credentials(world: Any) -> dict[str, dict[str, str]]:
    """Tokens that are signed with the right key, and must be refused all the same."""
    now, user = int(time.time()), world.memory["user"]
    key = world.secret("JWT_KEY")
    return {
        "an expired token": _bearer(_signed(key, {"sub": user, "iat": now - 7200, "exp": now - 3600})),
        "a token that never expires": _bearer(_signed(key, {"sub": user, "iat": now})),
        "an expiry that is a text": _bearer(_signed(key, {"sub": user, "iat": now, "exp": "never"})),
        "a token of nobody": _bearer(_signed(key, {"iat": now, "exp": now + 3600})),
        "a token of a user who is gone": _bearer(_signed(key, {"sub": uuid.uuid4().hex, "iat": now, "exp": now + 60})),
    }


def _order(world: Any, request: Any) -> None:
    if request.body is not None:
        quantity = int(request.body["quantity"])  # 2.0 is a whole number, too
        request.body |= {"sku": SKUS[quantity % len(SKUS)], "card": CARD}


def _reservation(world: Any, request: Any) -> None:
    request.path["reservation_id"] = uuid.uuid4().hex
    if request.body is not None:
        request.body |= {"sku": SKUS[0], "quantity": 1}


def _card(world: Any, request: Any) -> None:
    if request.body is not None:
        request.body["card"] = CARD


def _refund(world: Any, request: Any) -> None:
    request.path["charge_id"] = _charge(world)
    if request.body is not None:
        request.body["amount_cents"] = AMOUNT


def _credentials(world: Any, request: Any) -> None:
    if request.body is not None:
        request.body |= world.memory["credentials"]


def _new_user(world: Any, request: Any) -> None:
    if request.body is not None:
        request.body["email"] = f"fuzz-{uuid.uuid4().hex}@storefront.example"


def _known(parameter: str, name: str) -> Callable[[Any, Any], None]:
    def put_in(world: Any, request: Any) -> None:
        request.path[parameter] = world.memory[name]

    return put_in


def _product(world: Any, request: Any) -> None:
    request.path["sku"] = SKUS[0]


_EXISTING: dict[tuple[str, str], Callable[[Any, Any], None]] = {
    ("bank", "GET /transfers/{transfer_id}"): _known("transfer_id", "transfer"),
    ("bank", "POST /transfers"): _card,
    ("inventory", "GET /products/{sku}"): _product,
    ("inventory", "PUT /reservations/{reservation_id}"): _reservation,
    ("notifications", "GET /notifications/{notification_id}"): _known("notification_id", "notification"),
    ("orders", "GET /orders/{order_id}"): _known("order_id", "order"),
    ("orders", "POST /orders"): _order,
    ("payments", "GET /charges/{charge_id}"): _known("charge_id", "charge"),
    ("payments", "POST /charges"): _card,
    ("payments", "POST /charges/{charge_id}/refunds"): _refund,
    ("users", "POST /sessions"): _credentials,
    ("users", "POST /users"): _new_user,
}


def _charge(world: Any) -> str:
    charge = {"order_id": uuid.uuid4().hex, "amount_cents": AMOUNT, "card": CARD}
    return str(_made(world, "payments", "/charges", charge)["id"])


def _made(world: Any, service: str, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    """What a POST that must work has made."""
    key = {"Idempotency-Key": uuid.uuid4().hex}
    answer = world.send("POST", service, path, json=body, headers={**key, **(headers or {})})
    if answer.status_code != 201:
        raise RuntimeError(f"POST {path} of {service} was answered {answer.status_code}: {answer.text[:200]}")
    return answer.json()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _signed(key: str, claims: dict[str, Any]) -> str:
    parts = [_encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    mark = hmac.new(key.encode(), ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, _encoded(mark)])


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
