"""The idempotency store: a request that is sent again has the effect of the first one, and its answer.

    with database.write() as connection:
        known = store.begin(connection, claim)            # New, Replay or InProgress
        ...the effect, in the same transaction...
        store.finish(connection, claim, known, Answer(201, body))

An answer that is known before its effect goes in with the key, in one statement instead of two:

        known = store.settle(connection, claim, Answer(201, body))
        ...when it is New: the effect, in the same transaction...

Key, effect and answer are one transaction of the service's own database: none is there without the others. Where the
effect is somebody else's (a mail, a bank), the claim is stored first, in a transaction of its own, and is a lease:
whoever dies with it loses it after `lease` seconds.

A key belongs to a scope, its client and route, so that nobody is shown another one's answer, and to one payload. What
failed on the server's side (5xx) is not stored: the key stays free. (IETF draft-ietf-httpapi-idempotency-key-header.)
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import (
    Column,
    Connection,
    Executable,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    select,
    text,
)
from sqlalchemy import update as update_

from resilience.errors import require_range


def idempotency_table(metadata: MetaData) -> Table:
    """The store's table; once for each database."""
    return Table(
        "idempotency_keys",
        metadata,
        Column("scope", String, primary_key=True),
        Column("key", String, primary_key=True),
        Column("fingerprint", String, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("until", Float, nullable=False, index=True),
        Column("status", Integer),
        Column("headers", String),
        Column("body", LargeBinary),
        sqlite_with_rowid=False,  # one tree to write to instead of two
    )


@dataclass(frozen=True, kw_only=True)
class IdempotencySettings:
    """How long. Raises SettingsError."""

    keep: float = 86400.0
    """Seconds that an answer is kept; longer than any client goes on trying; 1 to 31536000."""
    lease: float = 10.0
    """Seconds that a claim is good without an answer; longer than the work may take; 0.001 to 3600."""

    def __post_init__(self) -> None:
        require_range("idempotency.keep", self.keep, 1, 31_536_000)
        require_range("idempotency.lease", self.lease, 0.001, 3600)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Who wants what under which key."""

    scope: str
    key: str
    fingerprint: str
    """Tells payloads apart; the whole of what was asked."""


@dataclass(frozen=True)
class New:
    """Nobody did it: the caller does it now. `attempt` counts those before that did not live to answer."""

    attempt: int


@dataclass(frozen=True)
class Answer:
    """What was answered, byte by byte."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InProgress:
    """Somebody is doing it. `retry_after` is in seconds."""

    retry_after: float


class KeyReusedError(Exception):
    """The key stands for another payload."""


class IdempotencyStore:
    """Keys and answers in `table`. `clock` gives Unix seconds, which outlive a process."""

    def __init__(self, table: Table, settings: IdempotencySettings, clock: Callable[[], float]) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self.replayed = 0
        """Answers that were given again."""
        c = table.c
        of_key = (c.scope == bindparam("of_scope"), c.key == bindparam("of_key"))
        self._insert = _insert(table, "scope, key, fingerprint, attempt, until")
        self._insert_answered = _insert(table, "scope, key, fingerprint, attempt, until, status, headers, body")
        self._select = select(table).where(*of_key)
        self._take = (
            update_(table)
            .where(*of_key, c.attempt == bindparam("seen"), c.until <= bindparam("now"))
            .values(
                attempt=c.attempt + 1,
                until=bindparam("lease_until"),
                fingerprint=bindparam("print"),
                status=None,
                headers=None,
                body=None,
            )
        )
        self._answer = (
            update_(table)
            .where(*of_key, c.attempt == bindparam("ours"), c.status.is_(None))
            .values(
                status=bindparam("answer_status"),
                headers=bindparam("answer_headers"),
                body=bindparam("answer_body"),
                until=bindparam("keep_until"),
            )
        )
        self._free = delete(table).where(*of_key, c.attempt == bindparam("ours"), c.status.is_(None))
        self._expire = delete(table).where(c.until <= bindparam("now"), c.status.is_not(None))

    def begin(self, connection: Connection, claim: Claim) -> New | Answer | InProgress:
        """Claim the key, in the caller's transaction. Raises KeyReusedError."""
        now = self._clock()
        values = {**vars(claim), "attempt": 1, "until": now + self._settings.lease}
        if self._changed(connection, self._insert, values) == 1:
            return New(1)
        return self._known_or_taken(connection, claim, now)

    def settle(self, connection: Connection, claim: Claim, answer: Answer) -> New | Answer | InProgress:
        """Claim the key and store its answer at once; when `New`, the effect follows in the same transaction.

        Raises KeyReusedError, and ValueError for an answer of 500 or more, which would be kept.
        """
        if answer.status >= 500:
            raise ValueError(f"an answer of {answer.status} must not be kept: do not settle it, give the key free")
        now = self._clock()
        values = {
            **vars(claim),
            "attempt": 1,
            "until": now + self._settings.keep,
            "status": answer.status,
            "headers": json.dumps(dict(answer.headers)),
            "body": answer.body,
        }
        if self._changed(connection, self._insert_answered, values) == 1:
            return New(1)
        known = self._known_or_taken(connection, claim, now)
        if isinstance(known, New):
            self.finish(connection, claim, known, answer)
        return known

    def _known_or_taken(self, connection: Connection, claim: Claim, now: float) -> New | Answer | InProgress:
        """What the key's row says; a claim that has lapsed is taken over."""
        row = connection.execute(self._select, self._of(claim)).one()
        if row.until > now:
            if row.fingerprint != claim.fingerprint:
                raise KeyReusedError
            return self._known(row.status, row.body, row.headers, row.until - now)
        if row.status is None and row.fingerprint != claim.fingerprint:
            raise KeyReusedError  # it may have been done, and must not be done with another payload
        values = {"seen": row.attempt, "now": now, "lease_until": now + self._settings.lease}
        taken = self._changed(connection, self._take, {**self._of(claim), **values, "print": claim.fingerprint})
        return New(row.attempt + 1) if taken else InProgress(self._settings.lease)

    def finish(self, connection: Connection, claim: Claim, new: New, answer: Answer) -> bool:
        """Store the answer with the effect. False when the claim has gone to somebody else: undo the effect.

        An answer of 500 or more is not kept: it gives the key free.
        """
        if answer.status >= 500:
            return self.abandon(connection, claim, new)
        values = {
            "ours": new.attempt,
            "answer_status": answer.status,
            "answer_headers": json.dumps(dict(answer.headers)),
            "answer_body": answer.body,
            "keep_until": self._clock() + self._settings.keep,
        }
        return self._changed(connection, self._answer, {**self._of(claim), **values}) == 1

    def abandon(self, connection: Connection, claim: Claim, new: New) -> bool:
        """Nothing was done: the key is free. False when the claim has gone to somebody else."""
        return self._changed(connection, self._free, {**self._of(claim), "ours": new.attempt}) == 1

    def expire(self, connection: Connection) -> int:
        """Forget answers that were kept long enough. Returns how many."""
        return self._changed(connection, self._expire, {"now": self._clock()})

    def _known(self, status: int | None, body: bytes, headers: str, left: float) -> Answer | InProgress:
        if status is None:
            return InProgress(left)
        with self._lock:
            self.replayed += 1
        return Answer(status, body, json.loads(headers))

    def _changed(self, connection: Connection, change: Executable, values: Mapping[str, object]) -> int:
        return int(connection.execute(change, values).rowcount)

    def _of(self, claim: Claim) -> dict[str, object]:
        return {"of_scope": claim.scope, "of_key": claim.key}


def _insert(table: Table, columns: str) -> Executable:
    """A row, unless its key is there. The one statement that both SQLite and PostgreSQL have for it."""
    # A savepoint instead would cost three.
    given = ", ".join(f":{name}" for name in columns.split(", "))
    return text(f"INSERT INTO {table.name} ({columns}) VALUES ({given}) ON CONFLICT DO NOTHING")
