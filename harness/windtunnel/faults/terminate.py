"""terminate: the service is asked to end (SIGTERM), ends in its own way, and stays down until it is started again."""

from __future__ import annotations

from windtunnel.faults.kill import Kill
from windtunnel.stack.base import Stack


class Terminate(Kill):
    """As `kill`, but graceful: requests in flight get their answers. Applied when it has ended."""

    def apply(self, stack: Stack) -> None:
        self.signals(stack).terminate(self.service)
