"""What orders owes notifications, as its outbox stores it: prints the event's JSON.

A process of its own, so that another version can be asked: `PYTHONPATH=CHECKOUT/platform python mail_events.py`.
"""

import json
import sys
import tempfile

from pact_clients import an_order, close, orders_parts
from sqlalchemy import select

from storefront.orders.models import OUTBOX


def mail_event(folder):
    """The payload of the message that confirming an order leaves in the outbox."""
    parts = orders_parts(folder)
    try:
        order, _ = parts.store.open(an_order("pact-confirmed"))
        with parts.database.write() as connection:
            parts.settlement._confirm(order, connection)
        with parts.database.view() as connection:
            (payload,) = connection.scalars(select(OUTBOX.c.payload)).all()
    finally:
        close(parts)
    return json.loads(payload)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        json.dump(mail_event(scratch), sys.stdout)
