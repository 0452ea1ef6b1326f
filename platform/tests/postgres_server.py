"""A PostgreSQL server of the tests' own: a folder in /tmp, a loopback port, gone with the process that asked for it."""

import atexit
import functools
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from windtunnel.stack.ports import reserve_port

USER = "storefront"
_NUMBERS = itertools.count(1)


class PostgresServer:
    """Made once for each process of tests, by `postgres_server`. Fast, not safe: nothing is synced to the disk."""

    def __init__(self, programs: Path) -> None:
        self._programs, self._reserved = programs, reserve_port()
        self.port = self._reserved.port
        self.folder = Path(tempfile.mkdtemp(prefix="windtunnel-postgres-"))
        self.process: subprocess.Popen | None = None
        # PostgreSQL refuses to run as root.
        self._account = next((a for a in pwd.getpwall() if a.pw_name in ("postgres", "nobody")), None)
        self._as = []
        if os.geteuid() == 0:
            self._as = [f"--reuid={self._account.pw_uid}", f"--regid={self._account.pw_gid}", "--clear-groups"]
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)

    def _command(self, program: str, *words: str) -> list[str]:
        # Whoever started it and dies, however it dies, takes it along.
        return ["setpriv", *self._as, "--pdeathsig=INT", "--", str(self._programs / program), *words]

    def start(self) -> None:
        log, quiet = self.folder / "log", {"stdin": subprocess.DEVNULL, "cwd": self.folder}
        words = ["-D", str(self.folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        with log.open("ab") as out:
            subprocess.run(self._command("initdb", *words), stdout=out, stderr=out, check=True, **quiet)
        self.resume()

    def resume(self) -> None:
        """Start it again on the data that it has, and wait until it answers."""
        given = {"port": self.port, "listen_addresses": "127.0.0.1", "fsync": "off", "max_connections": 100}
        words = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as out:
            self.process = subprocess.Popen(
                self._command("postgres", "-D", str(self.folder / "data"), "-k", str(self.folder), *words),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.folder,
                start_new_session=True,
            )
        end = time.monotonic() + 30
        while True:
            try:
                return self.run("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < end, (self.folder / "log").read_text()
                time.sleep(0.05)

    def halt(self) -> None:
        """At once, as `pg_ctl stop -m fast` does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def close(self) -> None:
        self.halt()
        self._reserved.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, statement: str, database: str = "postgres") -> None:
        """One statement, outside of any transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)

    def url(self, database: str, port: int | None = None) -> str:
        """`port`: of a proxy on the way."""
        return f"postgresql://{USER}@127.0.0.1:{port or self.port}/{database}"

    def new_database(self) -> str:
        """The name of an empty one."""
        name = f"database_{next(_NUMBERS)}"
        self.run(f"CREATE DATABASE {name}")
        return name


@functools.cache
def _started() -> PostgresServer | str:
    if os.environ.get("WINDTUNNEL_SKIP_POSTGRES"):
        return "WINDTUNNEL_SKIP_POSTGRES is set"
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))]
    found = [folder for folder in folders if (folder / "initdb").exists()]
    if not found:
        return "no PostgreSQL server is installed (on Debian: apt-get install postgresql)"
    if shutil.which("setpriv") is None:
        return "setpriv is not installed (on Debian: apt-get install util-linux)"
    server = PostgresServer(found[-1])
    atexit.register(server.close)
    server.start()
    return server


def postgres_server() -> PostgresServer:
    """The server; skips the test, with the reason, where there can be none.

    Where WINDTUNNEL_REQUIRE_POSTGRES is set, as in CI, it fails instead.
    """
    server = _started()
    if isinstance(server, str):
        required = os.environ.get("WINDTUNNEL_REQUIRE_POSTGRES") and not os.environ.get("WINDTUNNEL_SKIP_POSTGRES")
        (pytest.fail if required else pytest.skip)(server)
    return server


def database_url(kind: str, folder: Path) -> str:
    """Of a new, empty database: `sqlite` or `postgresql`."""
    if kind == "sqlite":
        return f"sqlite:///{folder}/{next(_NUMBERS)}.db"
    server = postgres_server()
    return server.url(server.new_database())
