"""What SQLite needs to serve several threads and several instances: one writer at a time, readers beside it."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

_SWITCHING = 5.0
"""Seconds that several instances may take to open one new file."""


def make_engine(url: URL, connections: int) -> Engine:
    """A pool of at most so many connections."""
    engine = create_engine(url, pool_size=connections, max_overflow=0, pool_timeout=2.0, hide_parameters=True)
    _prepare(engine)
    return engine


def _prepare(engine: Engine) -> None:
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
