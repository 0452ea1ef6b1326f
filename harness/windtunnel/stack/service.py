"""One service as a process of this machine, in a session and process group of its own."""

from __future__ import annotations

import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping

from windtunnel.errors import ServiceDiedError, StackError
from windtunnel.faults.base import UndoRecord
from windtunnel.stack.base import Address, ServiceState
from windtunnel.stack.disk import last_written
from windtunnel.stack.environment import ProcessInstructions
from windtunnel.stack.file_limit import FileLimit
from windtunnel.stack.logs import ServiceLog
from windtunnel.stack.ports import LOOPBACK
from windtunnel.stack.soft_limit import SoftLimit
from windtunnel.stack.throttle import DutyCycle
from windtunnel.undo import Journal
from windtunnel.undo.processes import (
    Process,
    address_space,
    environment,
    look,
    mapped_files,
    members,
    seconds,
    send,
    send_group,
)

PATIENCE = 5.0
"""Seconds that a signal may take to have its effect."""
POLL = 0.005


class ServiceProcess:
    """A service that can be started, signalled and started again. Signals go to its whole group: a server that
    forks workers is frozen or killed with all of them."""

    def __init__(self, instructions: ProcessInstructions, log: ServiceLog, journal: Journal) -> None:
        self.name, self.instructions, self.log = instructions.service.name, instructions, log
        self.added: dict[str, str] = {}
        """Variables over the topology's; see `Stack.replace`."""
        self._journal, self._record = journal, ""
        self._popen: subprocess.Popen[bytes] | None = None
        self._pid, self._start = 0, 0
        self._cycle: DutyCycle | None = None
        self._limit: FileLimit | None = None
        self._memory: SoftLimit | None = None
        self.held_back = 0
        """Times that it was seen stopped by its throttle."""
        for folder in (instructions.data, instructions.scratch):
            folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start it; it need not be ready yet. Raises `ServiceDiedError` when its command cannot be run."""
        command = self.instructions.command()
        with self.log.path.open("ab") as log:
            try:
                self._popen = subprocess.Popen(
                    command,
                    env=self.instructions.environment(self.added),
                    cwd=self.instructions.topology.path.resolve().parent,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                written = " ".join(
                    self.instructions.service.command
                )  # as written: what it expands to may hold a secret
                raise ServiceDiedError(f"{self.name} cannot be started: {error.strerror}: {written}") from error
        self._pid, started = self._popen.pid, look(self._popen.pid)
        self._start = started.start if started else 0
        # Its environment names the run, by which the reaper finds it; this also finds one that has cleared it.
        record = UndoRecord(op="kill_group", data={"pid": self._pid, "started": seconds(self._start)})
        self._record = self._journal.plan(record)

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address(LOOPBACK, self.instructions.port)

    @property
    def exit_code(self) -> int | None:
        """As `subprocess` has it: negative for a signal; None while it runs, or before its first start."""
        return self._popen.poll() if self._popen else None

    @property
    def running(self) -> bool:
        """Whether its leader has been started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def processes(self) -> list[Process]:
        """The living processes of its group, the leader first."""
        if self._popen is None:
            return []
        self._popen.poll()
        mine = [process for process in members(self._pid) if self._is_mine(process)]
        return sorted(mine, key=lambda process: (process.pid != self._pid, process.pid))

    def state(self) -> ServiceState:
        """What it is doing now."""
        mine = self.processes()
        state = "gone" if not mine else "stopped" if all(process.stopped for process in mine) else "running"
        return ServiceState(state=state, pids=tuple(process.pid for process in mine), started=seconds(self._start))  # type: ignore[arg-type]

    def kill(self) -> None:
        """End it at once; returns when nothing of it runs."""
        self.unthrottle()
        self._signal(signal.SIGKILL)
        self._await(self._kill_all, "does not end after SIGKILL")
        self._forget()

    def pause(self) -> None:
        """Freeze it; returns when it is frozen. Raises `StackError` when there is nothing to freeze."""
        if not self.processes():
            raise StackError(f"{self.name} cannot be paused: it is not running")
        self._signal(signal.SIGSTOP)
        self._await(lambda mine: all(process.stopped for process in mine), "does not stop after SIGSTOP")

    def throttle(self, share: float) -> None:
        """Let it run for that share of the time only."""
        self.unthrottle()
        if not self.processes():
            raise StackError(f"{self.name} cannot be throttled: it is not running")
        self._cycle = DutyCycle(share, self._freeze, lambda: self._signal(signal.SIGCONT))

    def unthrottle(self) -> None:
        """Undo `throttle`; returns when it runs."""
        cycle, self._cycle = self._cycle, None
        if cycle is not None:
            cycle.end()

    @property
    def throttled(self) -> float | None:
        """The share; None when it may always run."""
        return self._cycle.share if self._cycle else None

    def limit_memory(self, headroom: int) -> None:
        """Let the address space of each of its processes grow by so many bytes at most (RLIMIT_AS)."""
        self.unlimit_memory()
        self._memory = SoftLimit(resource.RLIMIT_AS, self.processes, lambda pid: address_space(pid) + headroom)

    def unlimit_memory(self) -> None:
        """Undo `limit_memory`. Harmless when there is nothing to undo, or nobody."""
        limit, self._memory = self._memory, None
        if limit is not None:
            limit.lift()

    @property
    def memory_limited(self) -> int | None:
        """The most that one of its processes may have; None when one of them has no limit."""
        limits = self._memory.read_back().values() if self._memory is not None else ()
        return None if not limits or resource.RLIM_INFINITY in limits else max(limits)

    memory_refusals = 0
    """The kernel counts none."""

    def fill_disk(self) -> None:
        """Let it write to no file."""
        self.free_disk()
        self._limit = FileLimit(self.processes)

    def free_disk(self) -> None:
        """Undo `fill_disk`. Harmless when there is nothing to undo, or nobody."""
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.lift()

    def disk_refusal(self) -> str:
        """The limit as the kernel has it, and that nothing was written since; empty when something can be."""
        return self._limit.shown(self.last_written) if self._limit is not None else ""

    def last_written(self) -> float:
        """When its data last changed. What is mapped into memory does not count: its times change without a write."""
        mapped = {path for process in self.processes() for path in mapped_files(process.pid)}
        return last_written(self.instructions.data, mapped)

    def _freeze(self) -> None:
        self._signal(signal.SIGSTOP)
        if all(process.stopped for process in self.processes()):
            self.held_back += 1

    def record_of_pause(self) -> UndoRecord:
        """How another process undoes `pause`."""
        return UndoRecord(op="resume_group", data={"pid": self._pid, "started": seconds(self._start)})

    def resume(self) -> None:
        """Undo `pause`; returns when it runs."""
        self._signal(signal.SIGCONT)
        self._await(lambda mine: not any(process.stopped for process in mine), "does not go on after SIGCONT")

    def terminate(self, patience: float) -> None:
        """Ask its leader to end and wait until it has; raises `StackError` when it has not after `patience` seconds."""
        send(self._pid, self._start, signal.SIGTERM)
        self.resume()
        self._await(
            lambda mine: not mine or mine[0].pid != self._pid, f"did not end {patience:g}s after SIGTERM", patience
        )
        self.kill()

    def ask_to_end(self) -> None:
        """Send SIGTERM to all of it, and do not wait."""
        self.unthrottle()
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """To the group at once, so that no worker sees another one go first."""
        if self.running:
            send_group(self._pid, self._start, number)
        else:
            for process in self.processes():
                send(process.pid, process.start, number)

    def _kill_all(self, mine: list[Process]) -> bool:
        """Also what forked while the group was being killed. True when nothing is left."""
        for process in mine:
            send(process.pid, process.start, signal.SIGKILL)
        return not mine

    def _await(self, reached: Callable[[list[Process]], bool], trouble: str, patience: float = PATIENCE) -> None:
        deadline = time.monotonic() + patience
        while not reached(self.processes()):
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} {trouble}; its processes: {self.processes()}")
            time.sleep(POLL)

    def _forget(self) -> None:
        if self._popen is not None:
            self._popen.wait()
        if self._record:
            self._journal.done(self._record)
            self._record = ""

    def _is_mine(self, process: Process) -> bool:
        """Once its leader is gone and collected, the group's number alone proves nothing."""
        if process.pid == self._pid and process.start == self._start:
            return True
        marks: Mapping[str, str] = self.instructions.marks
        carried = environment(process.pid)
        return all(f"{name}={value}".encode() in carried for name, value in marks.items())
