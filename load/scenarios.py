"""What a customer of the storefront does. Experiments, load profiles and fuzzing run the same functions.

Each takes a client (`windtunnel.load.client.Client`). `set_up` registers one customer and logs in before a run of load
begins: logging in costs its service a hundred times what an order does, on purpose, and is not what is measured here.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windtunnel.load.client import Answer, Client

_SKUS = ("MUG-01", "TEE-02", "CAP-03", "BAG-04", "PEN-05", "PAD-06", "LMP-07", "CLK-08", "MAP-09", "KIT-10")
_REMEMBERED = 200
"""Confirmed orders that `read_order` chooses from."""
_SET_UP_ATTEMPTS = 3
_LOST = ("timeout", "reset", "closed", "protocol")
"""Errors with which an answer's end, or all of it, is missing: nobody knows whether there is an order now."""


def set_up(client: Client) -> None:
    """Register a customer, log in, and order once, so that there is something to read. Raises when the shop is shut."""
    credentials = {"email": f"shopper-{uuid.uuid4().hex}@storefront.example", "password": uuid.uuid4().hex}
    for _ in range(_SET_UP_ATTEMPTS):
        # 409: the answer to an earlier attempt was lost.
        client.request("POST", "users", "/users", json=credentials, expect=(201, 409), timed=False)
        answer = client.request("POST", "users", "/sessions", json=credentials, expect=(201,), timed=False)
        if answer.status == 201:
            client.memory["token"] = answer.json()["token"]
            _some_order(client, _authorization(client))
            return
    raise RuntimeError(f"cannot log in: {answer.error}")


def place_order(client: Client) -> None:
    """Order something; where the answer is lost, ask once more with the same key: it must be the same order."""
    headers = _authorization(client)
    order = {"sku": client.rng.choice(_SKUS), "quantity": client.rng.randint(1, 3), "card": "card-ok"}
    # Not from the seeded generator: a key of an earlier run would be that run's order.
    headers["Idempotency-Key"] = uuid.uuid4().hex
    answer = _post_order(client, order, headers)
    if answer.status is None or answer.error in _LOST:
        answer = _post_order(client, order, headers)
    if answer.status == 201:
        _remember(client, answer)


def read_order(client: Client) -> None:
    """Look at an order that was confirmed earlier in the run."""
    headers = _authorization(client)
    order_id = _some_order(client, headers)
    if order_id is None:
        return
    client.request(
        "GET",
        "orders",
        f"/orders/{order_id}",
        route="GET /orders/{id}",
        headers=headers,
        expect=(200,),
        check=lambda answer: _wrong(answer, status="confirmed", id=order_id),
    )


def browse(client: Client) -> None:
    """Look at the catalogue, then at one product of it."""
    client.request("GET", "inventory", "/products", expect=(200,), check=lambda answer: _wrong(answer, "items"))
    sku = client.rng.choice(_SKUS)
    client.request(
        "GET",
        "inventory",
        f"/products/{sku}",
        route="GET /products/{sku}",
        expect=(200,),
        check=lambda answer: _wrong(answer, "price_cents", sku=sku),
    )


def _post_order(client: Client, order: dict[str, Any], headers: dict[str, str], *, timed: bool = True) -> Answer:
    return client.request(
        "POST", "orders", "/orders", json=order, headers=headers, expect=(201, 202), check=_placed, timed=timed
    )


def _placed(answer: Answer) -> str | None:
    if answer.status == 202:
        return _wrong(answer, "id", status="pending") or (None if "location" in answer.headers else "no Location")
    return _wrong(answer, "id", "amount_cents", status="confirmed")


def _wrong(answer: Answer, *present: str, **exact: object) -> str | None:
    """What is wrong with the body, in a few words; None when these fields are there and those have these values."""
    try:
        body = answer.json()
    except ValueError:
        return "the body is not JSON"
    if not isinstance(body, dict):
        return "the body is not an object"
    missing = next((name for name in (*present, *exact) if body.get(name) is None), None)
    if missing is not None:
        return f"the body has no {missing}"
    other = next((name for name, value in exact.items() if body[name] != value), None)
    return None if other is None else f"{other} is {body[other]!r} instead of {exact[other]!r}"


def _remember(client: Client, answer: Answer) -> None:
    if _placed(answer) is not None:
        return
    orders: list[str] = client.memory.setdefault("orders", [])
    order_id = answer.json()["id"]
    if len(orders) < _REMEMBERED:
        orders.append(order_id)
    else:
        orders[client.rng.randrange(_REMEMBERED)] = order_id


def _some_order(client: Client, headers: dict[str, str]) -> str | None:
    if not client.memory.get("orders"):
        order = {"sku": _SKUS[0], "quantity": 1, "card": "card-ok"}
        answer = _post_order(client, order, {**headers, "Idempotency-Key": uuid.uuid4().hex}, timed=False)
        if answer.status == 201:
            _remember(client, answer)
    orders = client.memory.get("orders")
    return str(client.rng.choice(orders)) if orders else None


def _authorization(client: Client) -> dict[str, str]:
    """The customer's header. Raises LookupError before `set_up`."""
    return {"Authorization": f"Bearer {client.memory['token']}"}
