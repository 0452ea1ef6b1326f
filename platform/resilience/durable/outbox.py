"""The transactional outbox: what is owed to another service, written in the transaction that made it so.

    with database.write() as connection:
        ...the change...
        outbox.owe(connection, "mail", aggregate=order_id, payload={...})

    relay ──(oldest of each aggregate)──> deliver ──> DELIVERED   the message is gone
                                                ├──> LATER       again, after a back-off; for as long as it takes
                                                └──> POISON      again, a few times; then parked, and the next one goes

At least once: whoever dies between delivering and noting it delivers again, under the same id, which the receiver
knows. Messages of one aggregate go in their order, one aggregate does not hold up another. A parked message is kept and
counted, and does not hold up its aggregate. One relay for each topic of a database: two could overtake each other.
"""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from resilience import trace
from resilience.errors import require_range, require_whole


class Store(Protocol):
    """The service's own database."""

    def view(self) -> AbstractContextManager[Connection]: ...
    def write(self) -> AbstractContextManager[Connection]: ...


def outbox_table(metadata: MetaData) -> Table:
    """The outbox's table; once for each database."""
    return Table(
        "outbox_messages",
        metadata,
        Column("seq", Integer, primary_key=True),
        Column("id", String, unique=True, nullable=False),
        Column("topic", String, nullable=False, index=True),
        Column("aggregate", String, nullable=False, index=True),
        Column("payload", String, nullable=False),
        Column("carried", String, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("refused", Integer, nullable=False),
        Column("due_at", Float, nullable=False),
        Column("state", String, nullable=False, index=True),
    )


@dataclass(frozen=True, kw_only=True)
class OutboxSettings:
    """How a relay tries. Raises SettingsError."""

    base: float = 0.25
    """Seconds; the n-th wait is drawn from the upper half of base * 2^(n-1); 0.001 to 60."""
    cap: float = 2.0
    """Seconds; the longest wait; base to 3600."""
    park_after: int = 5
    """A message that was refused as often as this is parked; 1 to 1000."""
    batch: int = 50
    """Messages that are looked at in one step; 1 to 1000."""
    poll: float = 0.25
    """Seconds between two looks while nothing is due; 0.01 to 60."""

    def __post_init__(self) -> None:
        require_range("outbox.base", self.base, 0.001, 60)
        require_range("outbox.cap", self.cap, self.base, 3600)
        require_whole("outbox.park_after", self.park_after, 1, 1000)
        require_whole("outbox.batch", self.batch, 1, 1000)
        require_range("outbox.poll", self.poll, 0.01, 60)


@dataclass(frozen=True)
class Message:
    """One thing that is owed."""

    id: str
    """The idempotency key that the receiver sees."""
    topic: str
    aggregate: str
    payload: Mapping[str, Any]
    carried: Mapping[str, str]
    """The trace and request id of whoever owed it."""
    attempts: int
    refused: int


class Delivery(Enum):
    """What came of one attempt."""

    DELIVERED = "delivered"
    LATER = "later"
    """Not now: nobody is there, or it is busy. Nothing is wrong with the message."""
    POISON = "poison"
    """The receiver will not have this message, whatever the time."""


Deliver = Callable[[Message], Delivery]


class Outbox:
    """Writes and counts messages."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._insert = insert(table)
        self._counts = select(table.c.topic, table.c.state, func.count()).group_by(table.c.topic, table.c.state)
        self._free = (
            update(table)
            .where(table.c.topic == bindparam("of"), table.c.state == "parked")
            .values(state="waiting", refused=0, due_at=0.0)
        )

    def owe(self, connection: Connection, topic: str, *, aggregate: str, payload: Mapping[str, Any]) -> str:
        """In the caller's transaction: there together with the change, or not at all. Returns the message's id.

        Behind the change of the aggregate's own row: on a database with several writers, that row is what lets
        transactions of one aggregate queue, and so numbers their messages in the order of the changes.
        """
        row = {
            "id": uuid.uuid4().hex,
            "topic": topic,
            "aggregate": aggregate,
            "payload": json.dumps(dict(payload)),
            "carried": json.dumps(trace.carry()),
            "attempts": 0,
            "refused": 0,
            "due_at": 0.0,
            "state": "waiting",
        }
        connection.execute(self._insert, row)
        return row["id"]  # type: ignore[return-value]

    def counts(self, connection: Connection, state: str = "waiting") -> dict[str, int]:
        """Messages by topic that are `waiting` or `parked`."""
        rows = connection.execute(self._counts).all()
        return {topic: count for topic, found, count in rows if found == state}

    def unpark(self, connection: Connection, topic: str) -> int:
        """Try the parked ones again, once their receiver is mended. They come behind what went before them."""
        return int(connection.execute(self._free, {"of": topic}).rowcount)


class Relay:
    """Delivers one topic. `clock` gives Unix seconds; `ready` says whether it is worth trying now."""

    def __init__(
        self,
        outbox: Outbox,
        topic: str,
        deliver: Deliver,
        *,
        store: Store,
        settings: OutboxSettings,
        clock: Callable[[], float],
        rng: random.Random,
        ready: Callable[[], bool] = lambda: True,
        on_parked: Callable[[Message], None] = lambda message: None,
    ) -> None:
        self._topic, self._deliver, self._store, self._settings = topic, deliver, store, settings
        self._clock, self._rng, self._ready, self._on_parked = clock, rng, ready, on_parked
        self._lock = threading.Lock()
        self.delivered = 0
        table = outbox.table
        c, before = table.c, table.alias()
        earlier = (
            select(before.c.seq)
            .where(
                before.c.topic == c.topic,
                before.c.aggregate == c.aggregate,
                before.c.state == "waiting",
                before.c.seq < c.seq,
            )
            .exists()
        )
        # By state, never by "seq greater than the last one": rows commit in another order than they are numbered.
        self._due = (
            select(table)
            .where(c.topic == topic, c.state == "waiting", c.due_at <= bindparam("now"), ~earlier)
            .order_by(c.seq)
            .limit(settings.batch)
        )
        of = c.id == bindparam("message")
        self._gone = delete(table).where(of)
        self._later = (
            update(table)
            .where(of)
            .values(
                attempts=c.attempts + 1,
                refused=bindparam("times_refused"),
                due_at=bindparam("next"),
                state=bindparam("new"),
            )
        )

    def step(self) -> float:
        """Deliver what is due. Returns the seconds until the next step."""
        found = self._waiting()
        for message in found:
            if not self._ready():
                return self._settings.poll
            trace.receive(message.carried)
            self._attempt(message)
        # The next message of an aggregate can be due at once.
        return 0.0 if found else self._settings.poll

    def _waiting(self) -> Sequence[Message]:
        with self._store.view() as connection:
            rows = connection.execute(self._due, {"now": self._clock()}).all()
        return [
            Message(r.id, r.topic, r.aggregate, json.loads(r.payload), json.loads(r.carried), r.attempts, r.refused)
            for r in rows
        ]

    def _attempt(self, message: Message) -> None:
        outcome = self._deliver(message)
        if outcome is Delivery.DELIVERED:
            with self._store.write() as connection:
                connection.execute(self._gone, {"message": message.id})
            with self._lock:
                self.delivered += 1
            return
        refused = message.refused + (outcome is Delivery.POISON)
        parked = refused >= self._settings.park_after
        widest = min(self._settings.cap, self._settings.base * 2.0 ** min(message.attempts, 20))
        values = {
            "message": message.id,
            "times_refused": refused,
            "next": self._clock() + self._rng.uniform(widest / 2, widest),
            "new": "parked" if parked else "waiting",
        }
        with self._store.write() as connection:
            connection.execute(self._later, values)
        if parked:
            self._on_parked(message)
