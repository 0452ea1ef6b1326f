"""Starting services all at once, each as soon as those that it comes after are ready, and waiting for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Protocol

from windtunnel.errors import NotReadyError, ServiceDiedError
from windtunnel.stack.base import Address
from windtunnel.stack.environment import Instructions
from windtunnel.stack.logs import ServiceLog
from windtunnel.stack.readiness import ask

POLL = 0.02
"""Seconds between two questions to a service whether it is ready."""
LAST_LINES = 15
"""Of a service's log, in the message about its failure."""


class Launchable(Protocol):
    """A service that can be started: a process, a container."""

    name: str
    log: ServiceLog

    @property
    def instructions(self) -> Instructions: ...

    @property
    def address(self) -> Address:
        """Where it is asked whether it is ready."""

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""

    @property
    def exit_code(self) -> int | None:
        """Negative for a signal; None while it runs, or before its first start."""

    def start(self) -> None:
        """Start it; it need not be ready yet. Raises `ServiceDiedError`."""


class Launch:
    """One start of some services, with one deadline for all. A failure of one calls the others off."""

    def __init__(
        self,
        services: Mapping[str, Launchable],
        *,
        patience: float,
        redact: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services, self._redact, self._clock = services, redact, clock
        self._patience, self._deadline = patience, clock() + patience
        self._ready = {name: threading.Event() for name in services}
        self._called_off = threading.Event()

    def run(self) -> None:
        """Returns when all are ready.

        Raises `ServiceDiedError` or `NotReadyError` for the first service that fails; some may run then.
        """
        with ThreadPoolExecutor(max(1, len(self._services)), "windtunnel-launch") as pool:
            try:
                futures = [pool.submit(self._bring_up, service) for service in self._services.values()]
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            finally:
                self._called_off.set()

    def _bring_up(self, service: Launchable) -> None:
        for name in service.instructions.service.after:
            if name in self._ready:
                self._await(self._ready[name].is_set, service)
        if self._called_off.is_set():
            return
        service.start()
        self._await(lambda: self._is_ready(service), service)
        self._ready[service.name].set()

    def _await(self, reached: Callable[[], bool], service: Launchable) -> None:
        while not reached() and not self._called_off.wait(POLL):
            if self._clock() > self._deadline:
                raise self._not_ready(service)

    def _is_ready(self, service: Launchable) -> bool:
        if service.exit_code is not None:
            raise self._died(service, service.exit_code)
        return ask(service.address, service.instructions.service.ready)[0] == 200

    def _died(self, service: Launchable, code: int) -> ServiceDiedError:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        hint = "it must stay in the foreground" if code == 0 else "see its last lines"
        return ServiceDiedError(f"{service.name} {how} before it was ready; {hint}{self._evidence(service)}")

    def _not_ready(self, service: Launchable) -> NotReadyError:
        path, after = service.instructions.service.ready, service.instructions.service.after
        if not service.running:
            return NotReadyError(f"{service.name} was not started within {self._patience:g}s: it waits for {after}")
        status, detail = ask(service.address, path)
        answered = f"answered {status}: {detail[:300]!r}" if status else f"did not answer ({detail})"
        return NotReadyError(
            f"{service.name} was not ready within {self._patience:g}s: {path} on port "
            f"{service.instructions.port} {self._redact(answered)}; it must answer 200 there, and listen on the port "
            f"in {service.instructions.service.port_env}{self._evidence(service)}"
        )

    def _evidence(self, service: Launchable) -> str:
        where = f"{service.instructions.topology.path}:{service.instructions.service.line}"
        command = " ".join(service.instructions.written)
        lines = service.log.tail(LAST_LINES) or ["(it wrote nothing)"]
        return "".join([f" (command: {command}, {where})", *(f"\n  | {self._redact(line)}" for line in lines)])
