"""The engine's process as the harness holds it: its start, its end of the conversation, its last words."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

from windtunnel.errors import LoadError
from windtunnel.load.messages import encode

LAST_LINES = 12
"""Of the engine's log, in the message about its death."""


class EngineProcess:
    """Starts at once and does not wait for it. `hear` and `gone` are called on a thread of its own."""

    def __init__(
        self,
        log_path: Path,
        env: Mapping[str, str],
        *,
        hear: Callable[[dict[str, Any]], None],
        gone: Callable[[], None],
    ) -> None:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        self._log_path, self._hear, self._gone = log_path, hear, gone
        self._socket, theirs = socket.socketpair()
        with ExitStack() as failing, theirs:
            failing.callback(self._socket.close)
            with log_path.open("ab") as log:
                self._log_start = log.tell()
                self._process = _start(theirs.fileno(), log, env)
            failing.pop_all()
        self._reader = threading.Thread(target=self._read, name="windtunnel-load", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return not self._reader.is_alive()

    def say(self, **message: object) -> None:
        """Raises `LoadError` with the engine's last words when it is gone."""
        try:
            self._socket.sendall(encode(message))
        except OSError as error:
            raise LoadError(self.last_words()) from error

    def last_words(self) -> str:
        """How it ended, and the last lines that it wrote."""
        try:
            how = f"exit status {self._process.wait(timeout=1.0)}"
        except subprocess.TimeoutExpired:
            how = "its process does not end"
        with self._log_path.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
        said = "\n".join(lines[-LAST_LINES:]) or "(it wrote nothing)"
        return f"the load generator died ({how}); its last lines in {self._log_path}:\n{said}"

    def kill(self) -> None:
        """End it at once; `gone` has been called when this returns. Can be called twice."""
        self._process.kill()
        self._reader.join()

    def close(self, patience: float = 2.0) -> None:
        """Hang up, which ends it; after `patience` seconds, kill it. Can be called twice."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._socket.close()

    def _read(self) -> None:
        try:
            # A line that death cut short is no message: ValueError.
            with suppress(OSError, ValueError), self._socket.makefile("rb") as lines:
                for line in lines:
                    self._hear(json.loads(line))
        finally:
            self._gone()


def _start(channel: int, log: IO[bytes], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # -P: nothing in the current folder may pass for a module.
        [sys.executable, "-P", "-m", "windtunnel.load.engine", str(channel)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(channel,),
        env={**os.environ, **env, "PYTHONUNBUFFERED": "1"},
        # A Ctrl-C at the terminal is for the harness, which then stops the load in order.
        start_new_session=True,
    )
