"""Shopify's Toxiproxy as a program of this machine, for systems of processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from windtunnel.errors import ProxyError, StackError
from windtunnel.stack.base import Address
from windtunnel.stack.edges import ServerMaker
from windtunnel.stack.ports import LOOPBACK, PortReservation, reserve_port
from windtunnel.stack.readiness import ask
from windtunnel.undo import Run

VARIABLE = "WINDTUNNEL_TOXIPROXY_BINARY"
NAME = "toxiproxy-server"
PATIENCE = 10.0
POLL = 0.02


def find_binary(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The program that the variable names, else the one on PATH; None when there is none that can be run."""
    found = shutil.which(environ.get(VARIABLE) or NAME, path=environ.get("PATH"))
    return Path(found) if found else None


def toxiproxy_binary(program: Path, run: Run) -> ServerMaker:
    """Makes servers of that program, which end with the run at the latest."""
    return lambda seed: ToxiproxyProcess(program, run)


class ToxiproxyProcess:
    """One server from `__enter__` to `__exit__`. Its chance cannot be seeded."""

    def __init__(self, program: Path, run: Run) -> None:
        self._program, self._run = program, run
        self._port: PortReservation | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{self._address}"

    def __enter__(self) -> ToxiproxyProcess:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @property
    def _address(self) -> Address:
        if self._port is None:
            raise StackError("this Toxiproxy does not run")
        return Address(LOOPBACK, self._port.port)

    def _start(self) -> None:
        self._port = reserve_port()
        command = [str(self._program), f"-host={LOOPBACK}", f"-port={self._port.port}"]
        try:
            # Its environment names the run, by which the reaper finds it.
            self._process = subprocess.Popen(
                command,
                env={**self._run.env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise ProxyError(f"{self._program} cannot be started: {error.strerror}") from error
        deadline = time.monotonic() + PATIENCE
        while ask(self._address, "/version")[0] != 200:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ProxyError(f"{' '.join(command)}: no Toxiproxy answers there; is it Toxiproxy's server?")
            time.sleep(POLL)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        port, self._port = self._port, None
        if port is not None:
            port.release()
