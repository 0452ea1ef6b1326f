"""What the orders service is made of, wired once: database, peers, settlement, outbox, and the loops."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from sqlalchemy import Connection

from resilience.durable import Journal, Message, Outbox, Relay
from storefront.orders.charging import NewKeyEachAttempt
from storefront.orders.left import Left
from storefront.orders.mails import deliver, mail_for
from storefront.orders.models import OUTBOX, SAGAS, Base, Order
from storefront.orders.settings import Settings
from storefront.orders.settlement import Settlement
from storefront.orders.store import OrderStore
from storefront.shared import log
from storefront.shared.background import Loop
from storefront.shared.database import Database
from storefront.shared.peers import Peer


class Parts:
    """`clock` gives Unix seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float], rng: random.Random) -> None:
        off = settings.policies_off
        self.database = Database(
            settings.database_url, Base.metadata, connections=settings.threads, patient="database_limit" in off
        )
        self.peers = _peers(settings)
        journal = Journal(SAGAS, self.database, settings.saga, clock)
        self._outbox = Outbox(OUTBOX)
        self.store = OrderStore(self.database, journal)
        self.settlement = Settlement(
            journal,
            self.peers["inventory"],
            self.peers["payments"],
            mail=(lambda connection, order: None) if "outbox" in off else self._owe_mail,
            compensate="compensation" not in off,
            rng=rng,
        )
        self._relay = Relay(
            self._outbox,
            "mail",
            lambda message: deliver(self.peers["notifications"], message),
            store=self.database,
            settings=settings.outbox,
            clock=clock,
            rng=rng,
            ready=lambda: not self.peers["notifications"].rejecting(),
            on_parked=_parked,
        )
        self.left = Left(self.database, journal, self._outbox, self.peers)
        # A loop for each kind of work, so that a peer that hangs holds up its own kind only.
        self.mails = Loop("mails", self._relay.step)
        self.undoing = Loop("undoing", lambda: self.settlement.resume("undoing", self.store.find))
        self.running = Loop("running", lambda: self.settlement.resume("running", self.store.find))

    def wake(self, order: Order) -> None:
        """What was left over from this order can be done now."""
        (self.undoing if order.status == "failed" else self.mails).wake()

    def _owe_mail(self, connection: Connection, order: Order) -> None:
        self._outbox.owe(connection, "mail", aggregate=order.id, payload=mail_for(order))


def _peers(settings: Settings) -> dict[str, Peer]:
    policies = settings.policies.edges
    urls = {
        "users": (settings.users_url,),
        "inventory": settings.inventory_urls,
        "payments": (settings.payments_url,),
        "notifications": (settings.notifications_url,),
    }
    new_key = "charge_key" in settings.policies_off
    bases = {"payments": NewKeyEachAttempt()} if new_key else {}
    return {name: Peer("orders", name, *at, policy=policies[name], base=bases.get(name)) for name, at in urls.items()}


def _parked(message: Message) -> None:
    log.event("mail parked", level=logging.ERROR, order_id=message.aggregate, attempts=message.attempts + 1)
