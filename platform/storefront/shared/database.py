"""A service's own database. SQLite in a file by default; any URL that SQLAlchemy has a driver for."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, insert, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session

_SWITCHING = 5.0
"""Seconds that several instances may take to open one new file."""


def table_of(row: type[DeclarativeBase]) -> Table:
    """For statements that are made once: an update of a mapped class itself would look for objects to keep in step."""
    return cast(Table, row.__table__)


def values_of(row: DeclarativeBase) -> dict[str, object]:
    """For an insert that is made once."""
    given = {column.key: getattr(row, column.key) for column in table_of(type(row)).columns}
    # A numbered key is the database's to give.
    return {key: value for key, value in given.items() if key != "seq"}


class Database:
    """Short transactions, for reading or for writing.

    On the paths that every order takes, statements are made once and executed with parameters: making an ORM statement
    anew costs several times what SQLite needs to execute it.
    """

    def __init__(self, url: str, metadata: MetaData, *, connections: int = 32) -> None:
        # hide_parameters: an error's text must not carry a user's data into a log.
        self._engine = create_engine(
            url, pool_size=connections + 4, max_overflow=0, pool_timeout=2.0, hide_parameters=True
        )
        sqlite = self._engine.dialect.name == "sqlite"
        if sqlite:
            _prepare_sqlite(self._engine)
        self._writing = self._engine.execution_options(storefront_write=True)
        # SQLite has one writer at a time and makes the others poll; a lock lets them queue instead.
        self._turn: AbstractContextManager[object] = threading.Lock() if sqlite else nullcontext()
        # In one transaction with the look at what is there: another instance may be making the same tables.
        with self.write() as connection:
            metadata.create_all(connection)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view; nothing is changed."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def view(self) -> Iterator[Connection]:
        """The same, in rows and numbers instead of objects."""
        with self._engine.connect() as connection:
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


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver would begin transactions in its own way
        for pragma in ("busy_timeout=2000", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        _write_ahead(connection)

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        write = connection.get_execution_options().get("storefront_write")
        # A transaction that reads first and writes later could find its view outdated, and fail at once.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch the file to a write-ahead log; it stays so. SQLite does not wait by itself for whoever is just at it."""
    patience = time.monotonic() + _SWITCHING
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
        time.sleep(0.01)
