"""A service's own database: SQLite in a file by default, or PostgreSQL; `DATABASE_URL` says which and where."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import cast

from sqlalchemy import URL, Connection, Engine, Insert, MetaData, Table, insert, make_url, text
from sqlalchemy.dialects import postgresql as dialect
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, class_mapper

from storefront.shared import log, postgresql, sqlite

_STARTING = 15.0
"""Seconds that a server may take to answer at all, when it is started together with its clients."""


def table_of(row: type[DeclarativeBase]) -> Table:
    """For statements that are made once: an update of a mapped class itself would look for objects to keep in step."""
    return cast(Table, row.__table__)


def values_of(row: DeclarativeBase) -> dict[str, object]:
    """For an insert that is made once."""
    given = {column.key: getattr(row, column.key) for column in table_of(type(row)).columns}
    # A numbered key is the database's to give.
    return {key: value for key, value in given.items() if key != "seq"}


def insert_new(row: type[DeclarativeBase]) -> Insert:
    """An insert that does nothing where there is a row with the same unique key, waiting for whoever makes one.

    Both SQLite and PostgreSQL spell it so. Its `rowcount` tells which it was.
    """
    return dialect.insert(table_of(row)).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def _engine(url: URL, connections: int, patient: bool) -> Engine:
    if url.get_backend_name() == "postgresql":
        return postgresql.make_engine(url, patient=patient)
    return sqlite.make_engine(url, connections + 4)


class Database:
    """Short transactions, for reading or for writing.

    On the paths that every order takes, statements are made once and executed with parameters: making an ORM statement
    anew costs several times what SQLite needs to execute it.
    """

    def __init__(self, url: str, metadata: MetaData, *, connections: int = 32, patient: bool = False) -> None:
        """Makes the tables that are not there; changes none that are. Raises an SQLAlchemy error when it cannot.

        `patient` waits for a server's answer for ever: only to show that somebody notices.
        """
        where = make_url(url)
        self._server = where.get_backend_name() == "postgresql"
        self._engine = _engine(where, connections, patient)
        self._writing = self._engine.execution_options(storefront_write=True)
        isolation = {"isolation_level": "REPEATABLE READ"} if self._server else {}
        self._reading = self._engine.execution_options(**isolation)
        # SQLite has one writer at a time and makes the others poll; a lock lets them queue instead.
        self._turn: AbstractContextManager[object] = nullcontext() if self._server else threading.Lock()
        self._await(metadata)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view; nothing is changed."""
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def listing(self, row: type[object]) -> Iterator[Session]:
        """The same, in which no row of that table can still appear before one that is seen."""
        with self.read() as session:
            if self._server:
                postgresql.settle(session.connection(), cast(Table, class_mapper(row).local_table).name)
            yield session

    @contextmanager
    def view(self) -> Iterator[Connection]:
        """As `read`, in rows and numbers instead of objects."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of it on leaving, nothing of it on an error."""
        # A session would cost as much again as the transaction itself.
        with self._turn, self._writing.begin() as connection:
            yield connection

    def add(self, row: DeclarativeBase) -> bool:
        """Store a new row in a transaction of its own. False: there is one with the same unique key already."""
        try:
            with self.write() as connection:
                connection.execute(insert(table_of(type(row))), values_of(row))
        except IntegrityError:
            return False
        return True

    def ping(self) -> None:
        """Raises an SQLAlchemy error when the database does not answer."""
        with self._engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self._engine.dispose()

    def _await(self, metadata: MetaData) -> None:
        patience = time.monotonic() + _STARTING
        while True:
            try:
                return self._make(metadata)
            except OperationalError as error:
                if not self._server or time.monotonic() > patience:
                    raise
                log.event("database not there yet", level=logging.WARNING, error=str(error.orig)[:200])
            time.sleep(0.25)

    def _make(self, metadata: MetaData) -> None:
        # In one transaction with the look at what is there: another instance may be making the same tables.
        with self.write() as connection:
            if self._server:
                postgresql.queue_for_making(connection)
            metadata.create_all(connection)
