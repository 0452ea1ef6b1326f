"""Runs a service on Granian: one worker process, a pool of threads, a graceful end.

main process ── reads the settings, holds the signals, never imports the application
    └── worker ── imports it, serves, runs its background loops
"""

from __future__ import annotations

import errno
import importlib
import logging.config
import multiprocessing
import multiprocessing.util
import os
import signal
import socket
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

from granian import _signals
from granian._granian import WorkerSignal
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import MPServer

from resilience.inbound import Life
from storefront.shared import log
from storefront.shared.base_settings import BaseSettings
from storefront.shared.environment import Environment, SettingsError

if TYPE_CHECKING:
    from storefront.shared.application import ServiceApp

_HANDOVER = 2.0
"""Seconds that a predecessor on the same port gets to be gone."""


class _Reader(Protocol):
    @classmethod
    def from_environment(cls, env: Environment) -> BaseSettings: ...


class _Server(MPServer):
    def shutdown(self, exit_code: int = 0) -> None:
        # A signal to the whole process group ends the worker before Granian does; it would call that a crash.
        if self.interrupt_signal:
            self.interrupt_children.clear()
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]


def serve(module: str, settings_type: type[_Reader]) -> None:
    """Serve `module.create_app(settings)` until SIGTERM or SIGINT.

    Exits with 0 after a graceful end, 1 when it could not serve, 2 for a bad setting.
    """
    service = module.split(".")[1]
    try:
        settings = settings_type.from_environment(Environment(os.environ))
    except SettingsError as error:
        _refuse(service, str(error), 2)
    try:
        _await_port(settings.host, settings.port)
    except OSError as error:
        _refuse(service, f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; set HOST or PORT", 1)
    _Server(
        module,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        blocking_threads=settings.threads,
        workers_kill_timeout=settings.drain,
        log_level=LogLevels.error,
        log_dictconfig=log.configuration(service, settings.log_level),
    ).serve(target_loader=partial(_load, module, settings), wrap_loader=False)


def _refuse(service: str, reason: str, code: int) -> None:
    print(f"storefront.{service}: {reason}", file=sys.stderr)
    sys.exit(code)


def _await_port(host: str, port: int) -> None:
    # Granian shares ports (SO_REUSEPORT): a second server would silently take half of the first one's requests.
    patience = time.monotonic() + _HANDOVER
    while True:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                return probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() > patience:
                    raise
        time.sleep(0.02)


def _load(module: str, settings: BaseSettings) -> ServiceApp:
    """In the worker: make the application and start its loops."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(
            number, signal.SIG_DFL
        )  # until Granian sets its own: the main process's would only be ignored here
    log.spare()
    threading.Thread(target=_follow_parent, name="parent-watch", daemon=True).start()
    try:
        app: ServiceApp = importlib.import_module(module).create_app(settings)
    except Exception as error:
        log.event("cannot start", level=logging.ERROR, error=f"{type(error).__name__}: {error}"[:500])
        sys.exit(1)
    app.start()
    _turn_away_first(app.life, settings.drain_notice)
    # The worker ends through multiprocessing, which runs finalizers but no atexit functions.
    multiprocessing.util.Finalize(None, app.close, exitpriority=10)
    log.event("serving", host=settings.host, port=settings.port)
    return app


def _turn_away_first(life: Life, notice: float) -> None:
    """SIGTERM makes it unready at once, and stops it only when whoever balances load has had time to see that.

    In the worker, since a signal to the whole process group reaches it without the main process. Granian sets its
    handlers after this, through this function of its own.
    """

    def set_signals() -> WorkerSignal:
        stopping = WorkerSignal()
        _signals.set_main_signals(lambda *_: life.drain(notice, stopping.set))  # type: ignore[no-untyped-call]
        return stopping

    _signals.set_sync_signals = set_signals


def _follow_parent() -> None:
    """A worker whose main process was killed would go on serving, out of anybody's control."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
