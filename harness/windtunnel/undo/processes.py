"""Processes as Linux shows them in /proc: who is who, who belongs to a run, and how to end all of those.

A pid alone names nobody: it is used again. A process is a pid together with its start time. What belongs to a run
carries a variable of the run in its environment, which every child inherits, also one that left its group and session.

Standard library only: the reaper imports this and has to be up in an instant.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
RUN_VARIABLE = "WINDTUNNEL_RUN"
"""Its value is the run's id, in the environment of every process that a run starts."""
DEAD = frozenset("ZX")
STOPPED = frozenset("Tt")
EXEC_PATIENCE = 1.0
"""Seconds that a process may be within its exec, where it has no environment that could be read."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process. `start` is in clock ticks since the machine started."""

    pid: int
    group: int
    state: str
    """One letter, as in ps: R, S, D, T (stopped), Z (ended, not yet collected)."""
    start: int

    @property
    def alive(self) -> bool:
        return self.state not in DEAD

    @property
    def stopped(self) -> bool:
        return self.state in STOPPED


def look(pid: int) -> Process | None:
    """The process with that number now; None when there is none."""
    fields = _stat(pid)
    if fields is None:
        return None
    return Process(pid=pid, state=fields[0].decode(), group=int(fields[2]), start=int(fields[19]))


def _stat(pid: int) -> list[bytes] | None:
    """What proc(5) lists for `stat`, from the third field on."""
    try:
        line = (PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The second field, the name in brackets, may itself hold blanks and brackets.
    return line[line.rfind(b")") + 2 :].split()


def seconds(start: int) -> float:
    """A start time in ticks as seconds since the machine started."""
    return start / os.sysconf("SC_CLK_TCK")


def ticks(started: float) -> int:
    """The reverse of `seconds`."""
    return round(started * os.sysconf("SC_CLK_TCK"))


def same_process(pid: int, start: int) -> Process | None:
    """The process, if it is still the one that started then, and has not ended."""
    process = look(pid)
    return process if process is not None and process.alive and process.start == start else None


def everyone() -> list[Process]:
    """All processes, as far as they still exist when looked at."""
    pids = (int(name) for name in os.listdir(PROC) if name.isdigit())  # noqa: PTH208 - a third of iterdir's cost
    return [process for pid in pids if (process := look(pid)) is not None]


def members(group: int) -> list[Process]:
    """The living processes of a group."""
    return [process for process in everyone() if process.group == group and process.alive]


def carriers(variable: str, value: str) -> list[Process]:
    """The living processes, other than this one, that have `variable=value` in their environment."""
    needle = f"{variable}={value}".encode()
    return [
        process
        for process in everyone()
        if process.alive and process.pid != os.getpid() and needle in environment(process.pid)
    ]


def environment(pid: int) -> list[bytes]:
    """The assignments that a process was started with; none when they may not be read.

    A process that was started this instant is waited for: its starter goes on while the kernel still lays them out.
    """
    deadline = time.monotonic() + EXEC_PATIENCE
    try:
        while not (read := (PROC / str(pid) / "environ").read_bytes()) and _is_within_exec(pid):
            if time.monotonic() > deadline:
                break
            time.sleep(0.001)
    except OSError:
        return []
    return read.split(b"\0")


def address_space(pid: int) -> int:
    """Bytes that it has addresses for (`VmSize`). Raises `FileNotFoundError` when it is gone."""
    return int((PROC / str(pid) / "statm").read_bytes().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def mapped_files(pid: int) -> set[str]:
    """The files that it has mapped into its memory; none when that may not be read."""
    try:
        lines = (PROC / str(pid) / "maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return set()
    # address permissions offset device inode path, of which only the last may hold blanks (proc(5))
    return {fields[5] for line in lines if len(fields := line.split(maxsplit=5)) == 6 and fields[5].startswith("/")}


def _is_within_exec(pid: int) -> bool:
    """Whether it has memory, but not yet an environment there; or has just got one."""
    fields = _stat(pid)
    if fields is None:
        return False
    memory, begin, end = int(fields[20]), int(fields[47]), int(fields[48])
    return memory > 0 and (not end or end > begin)


def end_carriers(variable: str, value: str, *, patience: float = 5.0) -> list[Process]:
    """End all of `carriers`, and those that they start meanwhile. What is left after `patience` seconds is returned."""
    deadline = time.monotonic() + patience
    while left := carriers(variable, value):
        for process in left:
            send(process.pid, process.start, signal.SIGKILL)
        if time.monotonic() > deadline:
            return left
        time.sleep(0.005)
    return []


def send(pid: int, start: int, number: signal.Signals) -> None:
    """Signal one process, never another that has its number by now. Nothing happens when it is gone."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        # With the handle in hand the number cannot change its owner between the look and the signal.
        if same_process(pid, start) is not None:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def send_group(pid: int, start: int, number: signal.Signals) -> None:
    """Signal the group that the process leads, if it is still the same process."""
    process = look(pid)
    if process is None or process.start != start or process.group != pid:
        return
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def boot_id() -> str:
    """Changes with every start of the machine."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def pid_namespace() -> str:
    """Process numbers mean something within one of these only."""
    return str((PROC / "self/ns/pid").readlink())
