"""The storefront's services as real processes, for tests: started, stopped, paused, one by one."""

import contextlib
import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
from postgres_server import database_url

from windtunnel.stack.ports import reserve_port

SERVICES = ("users", "inventory", "orders", "payments", "bank", "notifications")
KINDS = ("sqlite", "postgresql")
PASSWORD = "correct horse battery"
JWT_KEY = "a-key-that-no-log-line-may-ever-show-0123456789"


def eventually(condition, *, within=15.0):
    """The first true value of the condition. Fails when there is none in time."""
    end = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < end, f"not so within {within} s"
        time.sleep(0.02)
    return value


def _kind(name: str) -> str:
    return name.partition("#")[0]


class Shop:
    """A context manager. `addresses` overrides where a service is told that another one is.

    `inventory#2` among the services is a second instance of inventory, on the same database. `kind` says on what:
    `sqlite` or `postgresql`.
    """

    def __init__(self, folder: Path, services=SERVICES, kind="sqlite", **addresses: str) -> None:
        self.folder, self.services = folder, services
        self._database = functools.cache(lambda service: database_url(kind, folder))
        self._reserved = {name: reserve_port() for name in {*SERVICES, *services, "mail"}}
        self.ports = {name: reservation.port for name, reservation in self._reserved.items()}
        self.addresses = addresses
        self.processes: dict[str, subprocess.Popen] = {}
        self.http = httpx.Client(timeout=10, trust_env=False)
        self.headers: dict[str, str] = {}

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def urls(self, service: str) -> list[str]:
        """Of all its instances."""
        return [self.url(name) for name in sorted({service, *self.services}) if _kind(name) == service]

    def environment(self, service: str, **extra: str) -> dict[str, str]:
        env = {f"{name.upper()}_URL": ",".join(self.urls(name)) for name in SERVICES}
        env |= {"SMTP_URL": f"smtp://127.0.0.1:{self.ports['mail']}", "JWT_KEY": JWT_KEY, **self.addresses}
        env |= {"PORT": str(self.ports[service]), "DATABASE_URL": self._database(_kind(service))}
        return {**os.environ, **env, **extra}

    def start(self, service: str, **extra: str) -> subprocess.Popen:
        with self.log(service).open("ab") as log:
            self.processes[service] = subprocess.Popen(
                [sys.executable, "-m", f"storefront.{_kind(service)}"],
                env=self.environment(service, **extra),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.processes[service]

    def log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def await_ready(self, service: str) -> None:
        eventually(lambda: self.status(service, "/health/ready") == 200, within=30)

    def status(self, service: str, path: str) -> int:
        try:
            return self.http.get(self.url(service) + path).status_code
        except httpx.TransportError:
            return 0

    def signal(self, service: str, number: int) -> None:
        """To the whole process group, as an operator or a harness would."""
        os.killpg(self.processes[service].pid, number)

    def kill(self, service: str) -> None:
        """Returns when nothing of it is left: until its last process is gone, connections are reset, not refused."""
        main = self.processes[service]
        everybody = [psutil.Process(main.pid), *psutil.Process(main.pid).children(recursive=True)]
        self.signal(service, signal.SIGKILL)
        main.wait()
        psutil.wait_procs(everybody, timeout=15)

    def log_in(self) -> None:
        credentials = {"email": "ann@storefront.example", "password": PASSWORD}
        assert self.http.post(f"{self.url('users')}/users", json=credentials).status_code == 201
        token = self.http.post(f"{self.url('users')}/sessions", json=credentials).json()["token"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def order(self, key: str, **fields: object) -> httpx.Response:
        body = {"sku": "MUG-01", "quantity": 2, "card": "card-ok", **fields}
        headers = {**self.headers, "Idempotency-Key": key}
        return self.http.post(f"{self.url('orders')}/orders", json=body, headers=headers)

    def get(self, service: str, path: str, params=None):
        """The parsed JSON: the `System` that invariants ask."""
        return self.http.get(self.url(service) + path, params=params).raise_for_status().json()

    def rest(self) -> None:
        eventually(lambda: all(self.status(name, "/health/quiet") == 200 for name in ("orders", "payments")))

    def __enter__(self) -> "Shop":
        try:
            for name in self.services:
                self.start(name)
            for name in self.services:
                self.await_ready(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()
        for reservation in self._reserved.values():
            reservation.release()
        self.http.close()
