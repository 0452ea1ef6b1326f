"""restart: the service is killed and started again at once; what it does meanwhile is what is tested."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from windtunnel.errors import InjectionUnprovenError
from windtunnel.faults.patience import Patience
from windtunnel.faults.service import ServiceFault
from windtunnel.spec.model import FaultStep
from windtunnel.spec.shape import FaultShape
from windtunnel.stack.base import Stack


class Restart(ServiceFault):
    """Applied when it is killed, so that the gap belongs to the fault; it starts meanwhile. Nothing is left to undo."""

    shape = FaultShape(on="service", lasting=False)

    def __init__(self, step: FaultStep, *, patience: Patience | None = None) -> None:
        super().__init__(step, patience=patience)
        self._starting: Future[None] | None = None

    def apply(self, stack: Stack) -> None:
        signals = self.signals(stack)
        signals.kill(self.service)
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="restart")
        self._starting = thread.submit(signals.start_service, self.service)
        thread.shutdown(wait=False)

    def prove(self, stack: Stack) -> str:
        self._await_start()
        now = self.signals(stack).state(self.service)
        if now.state != "running":
            raise InjectionUnprovenError(f"service {self.service}: was started again, but is {now.state}")
        if now.started <= self.before.started or set(now.pids) & set(self.before.pids):
            raise InjectionUnprovenError(
                f"service {self.service}: pids {now.pids}, started at {now.started:.2f} s, is not a new process"
            )
        return (
            f"service {self.service}: pid {self.before.pids[0]} became {now.pids[0]}, "
            f"started {now.started - self.before.started:.2f} s after it"
        )

    def undo(self, stack: Stack) -> None:
        """Only waits until the start is over, so that nothing of the fault is under way any more."""
        self._await_start()

    def _await_start(self) -> None:
        if self._starting is not None:
            self._starting.result()
