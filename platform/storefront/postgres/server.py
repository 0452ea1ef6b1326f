"""Makes a PostgreSQL server's data, with a database for each service, and becomes the server.

    FOLDER is empty ──> initdb ──> a database for each service ──> postgres
           is not   ─────────────────────────────────────────────> postgres

Nothing in it is synced to the disk: it lasts as long as the run, and survives the death of its processes, not the
machine's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final, NoReturn

DATABASES: Final = ("users", "inventory", "orders", "payments", "bank", "notifications")
"""One for each service; none reads another's."""
_INSTALLED: Final = Path("/usr/lib/postgresql")
"""Where Debian puts the programs of each version."""
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    # Kept with the data, so that a server that was killed leaves nothing elsewhere.
    "dynamic_shared_memory_type": "mmap",
}


class MissingError(Exception):
    """This machine cannot run it; `str()` says what is missing."""


class Server:
    """One server. `make` before `become`."""

    def __init__(self, folder: Path, *, port: int, user: str, password: str) -> None:
        self._folder, self._port, self._user, self._password = folder, port, user, password
        self._programs = _programs()

    def make(self) -> None:
        """The data, where there is none. Raises `MissingError` where the server's programs cannot be run."""
        if (self._folder / "ready").exists():
            return
        shutil.rmtree(self._folder, ignore_errors=True)  # half of it, perhaps
        self._folder.mkdir(mode=0o700, parents=True)
        with tempfile.NamedTemporaryFile("w", dir=self._folder) as secret:
            secret.write(self._password)
            secret.flush()
            words = ["-U", self._user, "-A", "scram-sha-256", f"--pwfile={secret.name}", "-E", "UTF8", "--locale=C"]
            self._run("initdb", "-D", str(self._data), "--no-sync", *words)
        # In single-user mode nobody else can be there yet, and no password is needed.
        wanted = "".join(f"CREATE DATABASE {name}\n" for name in DATABASES)
        self._run("postgres", "--single", "-F", "-D", str(self._data), "postgres", said=wanted)
        (self._folder / "ready").touch()

    def become(self) -> NoReturn:
        """This process is the server from here on, under the same number."""
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [*_as_nobody(), str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self._port)]
        os.execvp(command[0], [*command, *settings])

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *words: str, said: str = "") -> None:
        command = [*_as_nobody(), str(self._programs / program), *words]
        done = subprocess.run(command, input=said, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["it says nothing"]
            raise MissingError(f"{program} cannot be run here: {lines[-1]}")


def _programs() -> Path:
    """Those of the newest version."""
    found = sorted(_INSTALLED.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    if (on_path := shutil.which("initdb")) is not None:
        return Path(on_path).resolve().parent
    raise MissingError("no PostgreSQL server is installed (on Debian: apt-get install postgresql)")


def _as_nobody() -> list[str]:
    """PostgreSQL refuses to run as root. In a namespace of its own the same user has another number."""
    if os.geteuid() != 0:
        return []
    if shutil.which("unshare") is None:
        raise MissingError("it does not run as root, and there is no unshare (on Debian: apt-get install util-linux)")
    return ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]
