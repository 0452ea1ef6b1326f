"""The clients of the storefront as its services wire them: real policies, a database of their own, no server."""

import random
import time

from storefront.orders.models import Order
from storefront.orders.parts import Parts
from storefront.orders.settings import Settings as OrdersSettings
from storefront.payments.models import Base, Movement
from storefront.payments.movements import Movements
from storefront.payments.settings import Settings as PaymentsSettings
from storefront.shared.database import Database
from storefront.shared.environment import Environment
from storefront.shared.peers import Peer

NOBODY = "http://127.0.0.1:9"
"""Nothing listens there: a call that a test does not expect is refused."""
ORDERS_PEERS = ("users", "inventory", "payments", "notifications")


def orders_parts(folder, **urls):
    """`users="http://..."` and so on; who is not named is nobody."""
    env = {f"{name.upper()}_URL": urls.get(name, NOBODY) for name in ORDERS_PEERS}
    # A mail may take 3 s with its retries; what is read of an answer is the same without that wait.
    env |= {"DATABASE_URL": f"sqlite:///{folder}/orders.db", "POLICIES_SET": "notifications.deadline=0.9"}
    return Parts(OrdersSettings.from_environment(Environment(env)), time.time, random.Random(0))


def close(parts):
    """Hang up."""
    for peer in parts.peers.values():
        peer.close()
    parts.database.close()


def payments_movements(folder, bank_url):
    """The movements, their database, and the bank as a peer."""
    env = Environment({"DATABASE_URL": f"sqlite:///{folder}/payments.db", "BANK_URL": bank_url})
    settings = PaymentsSettings.from_environment(env)
    database = Database(settings.database_url, Base.metadata)
    bank = Peer("payments", "bank", settings.bank_url, settings.policies.edges["bank"])
    return Movements(database, bank, time.time), database, bank


def an_order(order_id, **fields):
    """An order that is on its way."""
    wanted = {
        "sku": "MUG-01",
        "quantity": 2,
        "card": "card-ok",
        "amount_cents": 2400,
        "email": "ann@storefront.example",
    }
    return Order(
        id=order_id,
        user_id="u1",
        client_key=order_id,
        idempotency_key=order_id,
        fingerprint="f",
        created_at=1.0,
        status="pending",
        reason=None,
        **{**wanted, **fields},
    )


def a_payment(movement_id, **fields):
    """A charge that payments carries to the bank."""
    wanted = {"order_id": "pact-order", "amount_cents": 2400, "card": "card-ok"}
    return Movement(
        id=movement_id,
        idempotency_key=movement_id,
        kind="payment",
        refund_of=None,
        fingerprint="f",
        created_at=1.0,
        **{**wanted, **fields},
    )
