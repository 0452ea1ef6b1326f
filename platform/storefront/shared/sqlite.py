"""What SQLite needs to serve several threads and several instances: one writer at a time, readers beside it.

    sqlite:////path/to/file.db?synchronous=off

`synchronous` is SQLite's pragma of that name, `normal` unless it is given. With `off` nothing waits for the disk: what
was committed outlives the process, however it ends, but perhaps not the machine.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

SYNCHRONOUS = ("off", "normal", "full", "extra")
_SWITCHING = 5.0
"""Seconds that several instances may take to open one new file."""


def make_engine(url: URL, connections: int) -> Engine:
    """A pool of at most so many connections."""
    synchronous = str(url.query.get("synchronous", "normal"))
    url = url.difference_update_query(["synchronous"])
    engine = create_engine(url, pool_size=connections, max_overflow=0, pool_timeout=2.0, hide_parameters=True)
    _prepare(engine, synchronous)
    return engine


def _prepare(engine: Engine, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver would begin transactions in its own way
        for pragma in ("busy_timeout=2000", f"synchronous={synchronous}", "foreign_keys=ON"):
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
