"""Databases for the tests of what must survive: they can crash before or after a commit."""

import contextlib
import threading

from postgres_server import database_url
from sqlalchemy import MetaData, create_engine
from sqlalchemy.pool import StaticPool

from storefront.shared.database import Database


class CrashError(BaseException):
    """The process is gone at this point."""


class MemoryStore:
    """`crash_at` is when the next write ends: `before` its commit, or `after` it."""

    def __init__(self, metadata: MetaData) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        self.crash_at = None
        self._turn = threading.Lock()
        metadata.create_all(self.engine)

    @contextlib.contextmanager
    def view(self):
        # In its turn too: in memory there is one connection for all threads.
        with self._turn, self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self):
        with self._turn, self.engine.begin() as connection:
            yield connection
            if self.crash_at == "before":
                self.crash_at = None
                raise CrashError
        if self.crash_at == "after":
            self.crash_at = None
            raise CrashError

    def close(self) -> None:
        self.engine.dispose()


class ServerStore(Database):
    """The same on PostgreSQL."""

    def __init__(self, metadata: MetaData) -> None:
        self.crash_at = None
        super().__init__(database_url("postgresql", None), metadata)

    @contextlib.contextmanager
    def write(self):
        with super().write() as connection:
            yield connection
            if self.crash_at == "before":
                self.crash_at = None
                raise CrashError
        if self.crash_at == "after":
            self.crash_at = None
            raise CrashError


BOTH = {"params": [MemoryStore, ServerStore], "ids": ["sqlite", "postgresql"]}
"""For a fixture: each test that uses it runs on both."""


def in_threads(work, count=8):
    """What each of the threads returned for its number; they begin together."""
    results, barrier = {}, threading.Barrier(count)

    def run(number):
        barrier.wait()
        results[number] = work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count
    return [results[number] for number in range(count)]
