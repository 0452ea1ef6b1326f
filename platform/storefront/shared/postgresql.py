"""What PostgreSQL needs besides its URL: an end to every wait, a pool that survives its server, tables made once.

    request ──> pool ──ping──> connection ──> server
                  │ reset:    the ping finds out, the whole pool is renewed, the request notices nothing
                  └ cut off:  a wait ends after `ANSWER` seconds; for `REST` seconds nobody else waits

A proxy on the way acknowledges what a server that is cut off never sees: TCP's own time limits are no help there, and
the server's reach nobody. So the limit is on this side, on every wait for an answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection, Engine, create_engine, event, text

Result = TypeVar("Result")

POOL: Final = 12
"""Connections of one instance: seven of these are within the hundred that a server has by default. They also keep
threads free: no more than these can wait for a server at the same time."""
TURN: Final = 1.0
"""Seconds that a request waits for one of them."""
STATEMENT: Final = 1.5
"""Seconds after which the server gives up a statement, also one that waits for a lock."""
ANSWER: Final = 2.0
"""Seconds that this side waits for any answer: longer than `STATEMENT`, so that a server which works says so itself."""
CONNECT: Final = 2
"""Seconds that making a connection may take; libpq takes nothing less."""
IDLE: Final = 3.0
"""Seconds after which the server ends a transaction whose client says nothing: one that was cut off holds locks."""
REST: Final = 1.0
"""Seconds for which nobody tries again once the server did not answer."""
_FOR_EVER: Final = 86400
_MAKING: Final = 0x73746F7265  # "store"
"""Whoever makes tables holds the lock of this number, which each database has for itself."""


class Reach:
    """Whether the server has just been waited for in vain: then the next one need not wait as well."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._until = clock, 0.0

    def lost(self) -> None:
        """It did not answer in time."""
        self._until = self._clock() + REST

    def check(self) -> None:
        """Raises `psycopg.OperationalError` while it is not worth trying."""
        if self._clock() < self._until:
            raise psycopg.OperationalError("the server did not answer a moment ago; it is left alone for a while")


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection on which every wait ends. After a wait in vain it is closed: what came late would be misread."""

    reach: Reach | None = None
    patience: float = ANSWER

    def wait(self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        """Drive one exchange with the server. Raises `psycopg.OperationalError` when no answer comes in time."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:  # the answer is still to come
                self.pgconn.finish()
                if self.reach is not None:
                    self.reach.lost()
            raise


def make_engine(url: URL, *, patient: bool = False) -> Engine:
    """Raises an SQLAlchemy error for a URL that cannot be used; connects to nobody yet.

    `patient` has none of this side's limits: only to show that somebody notices.
    """
    limits = f"-c statement_timeout={STATEMENT * 1000:.0f} -c idle_in_transaction_session_timeout={IDLE * 1000:.0f}"
    usual: dict[str, Any] = {"connect_timeout": _FOR_EVER if patient else CONNECT, "options": limits}
    engine = create_engine(
        url,
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=_FOR_EVER if patient else TURN,
        pool_pre_ping=True,
        hide_parameters=True,
        # Would cost each new connection a question about a type that nobody uses.
        use_native_hstore=False,
        # What the URL says itself is meant so.
        connect_args={name: value for name, value in usual.items() if name not in url.query},
    )
    reach = Reach()

    @event.listens_for(engine, "do_connect")
    def connect(_: object, __: object, words: Any, named: Any) -> ImpatientConnection:
        reach.check()
        try:
            connection = ImpatientConnection.connect(*words, **named)
        except psycopg.errors.ConnectionTimeout:
            reach.lost()
            raise
        connection.reach, connection.patience = reach, _FOR_EVER if patient else ANSWER
        return connection

    return engine


def queue_for_making(connection: Connection) -> None:
    """Until the end of this transaction, nobody else makes tables: `CREATE TABLE IF NOT EXISTS` alone can collide."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MAKING})


def settle(connection: Connection, table: str) -> None:
    """Wait for those who write into the table: afterwards no row can appear before one that is seen.

    Numbers are given out before a transaction ends, so that a later one can be seen first. Writers wait for the end of
    this transaction, readers do not.
    """
    connection.exec_driver_sql(f"LOCK TABLE {connection.dialect.identifier_preparer.quote(table)} IN SHARE MODE")
