"""State that survives: sagas, outbox and idempotency keys, in the service's own database (SQLAlchemy).

Tested on SQLite and on PostgreSQL, there with several writers at once under READ COMMITTED.

Each is a table, plain settings and a class that is given a clock; none of them owns a thread or a connection. What
they have in common: a change and its record are one transaction, a claim is a lease with a number, and nothing is done
on the word of somebody whose claim has passed.

- `idempotency.py`: the same request again has the same effect and the same answer.
- `saga.py`, with its `journal.py`: several steps in several services, all done or all undone.
- `outbox.py`: what is owed to another service, delivered at least once and in order.
"""

from __future__ import annotations

from resilience.durable.idempotency import (
    Answer,
    Claim,
    IdempotencySettings,
    IdempotencyStore,
    InProgress,
    KeyReusedError,
    New,
    idempotency_table,
)
from resilience.durable.journal import Journal, Run, SagaSettings, saga_table
from resilience.durable.outbox import Delivery, Message, Outbox, OutboxSettings, Relay, outbox_table
from resilience.durable.saga import DONE, UNSURE, Outcome, Saga, Step, Verdict

__all__ = [
    "DONE",
    "UNSURE",
    "Answer",
    "Claim",
    "Delivery",
    "IdempotencySettings",
    "IdempotencyStore",
    "InProgress",
    "Journal",
    "KeyReusedError",
    "Message",
    "New",
    "Outbox",
    "OutboxSettings",
    "Outcome",
    "Relay",
    "Run",
    "Saga",
    "SagaSettings",
    "Step",
    "Verdict",
    "idempotency_table",
    "outbox_table",
    "saga_table",
]
