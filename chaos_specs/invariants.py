"""What must always be true of the storefront, whatever broke: asked of the services themselves, when they are at rest.

An invariant is `name(system, since) -> violations`, each one line, none when it holds. It looks at what happened since
that Unix time, so that one experiment's violation does not show up in the next one. What cannot be asked raises: it is
unknown, not held.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

Item = Mapping[str, Any]

_MOST = 5
"""Violations that are reported one by one."""
_EARLIER = 60.0
"""Seconds before `since` from which orders are looked up: something may have been begun just before."""


class System(Protocol):
    """The services' own HTTP answers."""

    def get(self, service: str, path: str, params: Mapping[str, str | int | float] | None = None) -> Any:
        """The parsed JSON. Raises when the service does not answer with 2xx."""


def every_confirmed_order_is_paid_exactly_once(system: System, since: float) -> list[str]:
    """One charge that succeeded at payments, and one accepted transfer at the bank, both over the order's amount."""
    charges = _by_order(_payments(system, since), "order_id")
    transfers = _by_order(_transfers(system, since), "reference")
    found = []
    for order in _orders(system, since, "confirmed"):
        for what, paid in (("charges", charges[order["id"]]), ("transfers", transfers[order["id"]])):
            if paid != [order["amount_cents"]]:
                found.append(f"order {order['id']} over {order['amount_cents']} cents has {what} of {paid} cents")
    return _few(found)


def no_failed_order_stays_charged(system: System, since: float) -> list[str]:
    """What was charged for an order that failed was given back, at payments and at the bank."""
    failed = {order["id"] for order in _orders(system, since, "failed")}
    found = []
    for what, amounts in (
        ("payments", _net(_listing(system, "payments", "charges", since), "order_id", "succeeded")),
        ("the bank", _net(_listing(system, "bank", "transfers", since), "reference", "accepted")),
    ):
        found += [f"failed order {o} is charged {c} cents at {what}" for o, c in amounts.items() if c and o in failed]
    return _few(found)


def stock_is_conserved(system: System, since: float) -> list[str]:
    """Stock is held for the orders that stand and for no other, and nothing is lost or made."""
    orders = {order["id"]: order for order in _listing(system, "orders", "orders", since - _EARLIER)}
    reservations = _listing(system, "inventory", "reservations", since)
    held = {r["id"]: (r["sku"], r["quantity"]) for r in reservations if r["status"] == "held"}
    found = []
    for order_id, stock in held.items():
        status = orders[order_id]["status"] if order_id in orders else "unknown"
        if status not in ("confirmed", "pending"):
            found.append(f"{stock[1]} x {stock[0]} stay held for {status} order {order_id}")
    found += [
        f"confirmed order {order['id']} over {order['quantity']} x {order['sku']} holds no stock"
        for order in _orders(system, since, "confirmed")
        if held.get(order["id"]) != (order["sku"], order["quantity"])
    ]
    found += [
        f"{row['sku']}: {row['available']} left + {row['held']} held is not {row['initial']}"
        for row in system.get("inventory", "/audit/stock")["items"]
        if row["available"] + row["held"] != row["initial"]
    ]
    return _few(found)


def one_order_per_key(system: System, since: float) -> list[str]:
    """A key of a customer stands for one order at most, however often it was sent."""
    standing = _orders(system, since, "confirmed", "pending")
    counts = Counter((order["user_id"], order["client_key"]) for order in standing)
    return _few([f"Idempotency-Key {key} made {n} orders" for (_, key), n in counts.items() if n > 1])


def every_confirmed_order_is_mailed_once(system: System, since: float) -> list[str]:
    """The customer was told, and not twice."""
    notifications = _listing(system, "notifications", "notifications", since)
    mails = Counter(item["reference"] for item in notifications if item["sent"])
    confirmed = _orders(system, since, "confirmed")
    return _few([f"order {o['id']} was mailed {mails[o['id']]} times" for o in confirmed if mails[o["id"]] != 1])


def _orders(system: System, since: float, *statuses: str) -> list[Item]:
    return [order for order in _listing(system, "orders", "orders", since) if order["status"] in statuses]


def _payments(system: System, since: float) -> list[Item]:
    rows = _listing(system, "payments", "charges", since)
    return [row for row in rows if row["kind"] == "payment" and row["status"] == "succeeded"]


def _transfers(system: System, since: float) -> list[Item]:
    rows = _listing(system, "bank", "transfers", since)
    return [row for row in rows if row["kind"] == "payment" and row["status"] == "accepted"]


def _by_order(rows: Iterable[Item], key: str) -> defaultdict[str, list[int]]:
    """The amounts by order."""
    table: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        table[row[key]].append(row["amount_cents"])
    return table


def _net(rows: Iterable[Item], key: str, done: str) -> Mapping[str, int]:
    """What was taken less what was given back, by order, in cents."""
    sums: Counter[str] = Counter()
    for row in rows:
        if row["status"] == done:
            sums[row[key]] += row["amount_cents"] if row["kind"] == "payment" else -row["amount_cents"]
    return sums


def _listing(system: System, service: str, name: str, since: float) -> list[Item]:
    """All pages of one audit listing."""
    items: list[Item] = []
    after: int | None = 0
    while after is not None:
        page = system.get(service, f"/audit/{name}", {"since": max(0.0, since), "after": after, "limit": 1000})
        items += page["items"]
        after = page["next"]
    return items


def _few(violations: list[str]) -> list[str]:
    rest = len(violations) - _MOST
    return violations if rest <= 0 else [*violations[:_MOST], f"and {rest} more like these"]
