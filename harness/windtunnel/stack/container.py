"""One service as a container, started, signalled and started again through the engine's API."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from windtunnel.errors import CapabilityError, ServiceDiedError, StackError
from windtunnel.faults.base import UndoRecord
from windtunnel.stack.base import Address, ServiceState
from windtunnel.stack.bounded_disk import BoundedDisk
from windtunnel.stack.environment import Instructions
from windtunnel.stack.logs import ServiceLog
from windtunnel.stack.pump import LogPump
from windtunnel.topology.model import Container
from windtunnel.undo.engine import engine_url

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 10.0
"""Seconds that an act may take to show in the container's state."""
POLL = 0.01
LOOK_EVERY = 0.2
"""Seconds for which a look at the state is good enough to tell whether a starting service has died."""
CPU_PERIOD, MINIMUM_QUOTA = 100_000, 1_000
"""Microseconds: Linux' own."""
MINIMUM_MEMORY = 6 * 1024 * 1024
"""Bytes: the engine's own."""
STATES = {"running": "running", "paused": "stopped", "restarting": "gone"}


@dataclass(frozen=True, kw_only=True)
class ContainerInstructions(Instructions):
    """For a service that runs as a container."""

    container: Container

    @property
    def data(self) -> PurePosixPath:
        return PurePosixPath(self.container.data)

    @property
    def written(self) -> tuple[str, ...]:
        return self.container.command

    @property
    def own(self) -> Mapping[str, str]:
        return self.service.env if self.container.env is None else self.container.env

    def unasked(self) -> Mapping[str, str]:
        return {}


class ServiceContainer:
    """A service of a system of containers. `create(command, env=...)` makes a new container."""

    def __init__(
        self,
        instructions: ContainerInstructions,
        address: Address,
        log: ServiceLog,
        create: Callable[..., Any],
        disk: BoundedDisk | None = None,
    ) -> None:
        self.name, self.instructions, self.address, self.log = instructions.service.name, instructions, address, log
        self.added: dict[str, str] = {}
        self._create, self._pump, self._disk = create, LogPump(log.path), disk
        self._container: Any = None
        self._created_with: dict[str, str] | None = None
        self._looked, self._seen = 0.0, dict[str, Any]()

    @property
    def container(self) -> Any:
        """The engine's container. Raises `StackError` before there is one."""
        if self._container is None:
            raise StackError(f"{self.name} has not been started")
        return self._container

    def prepare(self) -> None:
        """Make the container, so that starting it takes less; a changed environment needs another one."""
        from docker.errors import APIError

        if self._container is not None and self._created_with == self.added:
            return
        self.discard()
        try:
            command, env = self.instructions.command(), self.instructions.environment(self.added)
            self._container, self._created_with = self._create(command, env=env), dict(self.added)
        except APIError as error:
            raise ServiceDiedError(f"{self.name} cannot be made: {error.explanation or error}") from error

    def start(self) -> None:
        """Start it; it need not be ready yet. Raises `ServiceDiedError` when its command cannot be run."""
        from docker.errors import APIError

        self.prepare()
        try:
            self.container.start()
        except APIError as error:
            raise ServiceDiedError(f"{self.name} cannot be started: {error.explanation or error}") from error
        self._looked = 0.0
        self._pump.follow(self.container)

    @property
    def exit_code(self) -> int | None:
        """None while it runs, or before its first start. What a signal ended has 128 and its number; told negative."""
        if self._container is None or (state := self._look(LOOK_EVERY))["Status"] not in ("exited", "dead"):
            return None
        code = int(state["ExitCode"])
        return 128 - code if code > 128 else code

    @property
    def running(self) -> bool:
        return self._container is not None and self._look()["Status"] in ("running", "paused")

    def state(self) -> ServiceState:
        if self._container is None:
            return ServiceState(state="gone", pids=(), started=0.0)
        state = self._look()
        pids = (int(state["Pid"]),) if state["Pid"] else ()
        what = STATES.get(state["Status"], "gone")
        return ServiceState(state=what, pids=pids, started=_seconds(state["StartedAt"]))  # type: ignore[arg-type]

    def kill(self) -> None:
        """SIGKILL to all of it; its data stays."""
        if not self.running:
            return
        self.resume()
        self._ask("kill")
        self._await(lambda status: status not in ("running", "paused"), "does not end after SIGKILL")

    def pause(self) -> None:
        if self.state().state != "running":
            raise StackError(f"{self.name} cannot be paused: it is not running")
        self._ask("pause")
        self._await(lambda status: status == "paused", "does not stop")

    def record_of_pause(self) -> UndoRecord:
        return UndoRecord(op="container_unpause", data={"engine": engine_url(), "container": self.container.id})

    def resume(self) -> None:
        if self._container is None or self._look()["Status"] != "paused":
            return
        self._ask("unpause")
        self._await(lambda status: status != "paused", "does not go on")

    def terminate(self, patience: float) -> None:
        self.resume()
        self._ask("kill", signal="SIGTERM")
        self._await(lambda status: status != "running", f"did not end {patience:g}s after SIGTERM", patience)

    def throttle(self, share: float) -> None:
        """Limit it to that share of one processor."""
        self._limit(max(MINIMUM_QUOTA, round(share * CPU_PERIOD)))

    def unthrottle(self) -> None:
        """Undo `throttle`. Harmless when it is not limited, or not there."""
        if self._container is not None and self.throttled is not None:
            self._limit(-1)

    @property
    def throttled(self) -> float | None:
        """The share, as the engine says; None without a limit."""
        quota = self.container.client.api.inspect_container(self.container.id)["HostConfig"]["CpuQuota"]
        return quota / CPU_PERIOD if quota > 0 else None

    @property
    def held_back(self) -> int:
        """Periods in which the kernel kept it from running."""
        stats = self.container.stats(stream=False, one_shot=True)
        return int(stats["cpu_stats"]["throttling_data"]["throttled_periods"])

    def _limit(self, quota: int) -> None:
        self._ask("update", cpu_period=CPU_PERIOD, cpu_quota=quota)

    def limit_memory(self, headroom: int) -> None:
        """Limit it to what it has and so many bytes more."""
        self._limit_memory(max(MINIMUM_MEMORY, int(self._memory()["usage"]) + headroom))

    def unlimit_memory(self) -> None:
        """Undo `limit_memory`. Harmless when it is not limited, or not there."""
        # The engine takes no limit away once there is one: all that the machine has is as good.
        if self._container is not None and self.memory_limited is not None:
            self._limit_memory(self._all_memory)

    @property
    def memory_limited(self) -> int | None:
        """The limit in bytes, as the engine says; None without one."""
        limit = int(self.container.client.api.inspect_container(self.container.id)["HostConfig"]["Memory"])
        return limit if 0 < limit < self._all_memory else None

    @property
    def memory_refusals(self) -> int:
        """How often it met its limit, which only cgroup v1 counts; that it was ended for it counts, too."""
        killed = bool(self._look()["OOMKilled"])
        return int(self._memory().get("failcnt") or 0) + killed

    def _memory(self) -> dict[str, Any]:
        return dict(self.container.stats(stream=False, one_shot=True)["memory_stats"])

    @property
    def _all_memory(self) -> int:
        return int(self.container.client.info()["MemTotal"])

    def _limit_memory(self, limit: int) -> None:
        self._ask("update", mem_limit=limit, memswap_limit=limit)

    def fill_disk(self) -> None:
        """Leave it no room. Raises `CapabilityError` where its disk has no bounds, as the next three do."""
        self._bounded.fill()

    def free_disk(self) -> None:
        """Undo `fill_disk`."""
        self._bounded.free()

    def disk_refusal(self) -> str:
        """How one byte more is refused; empty when it is not."""
        return self._bounded.refusal()

    def last_written(self) -> float:
        """When a file on its disk last changed."""
        return self._bounded.last_written()

    @property
    def _bounded(self) -> BoundedDisk:
        if self._disk is None:
            raise CapabilityError(
                f"the disk of {self.name} has no bounds; write docker: {{disk: 64MB}} in the topology"
            )
        return self._disk

    def discard(self) -> None:
        """Remove the container; the volume with its data stays."""
        container, self._container = self._container, None
        if container is not None:
            container.remove(force=True)

    def close(self) -> None:
        """Its log is complete, as far as it goes, when this returns."""
        self._pump.close()

    def _look(self, good_for: float = 0.0) -> dict[str, Any]:
        if time.monotonic() - self._looked >= good_for or not self._seen:
            client = self.container.client
            self._seen = client.api.inspect_container(self.container.id)["State"]
            self._looked = time.monotonic()
        return self._seen

    def _ask(self, act: str, **how: str | int) -> None:
        from docker.errors import APIError

        try:
            getattr(self.container, act)(**how)
        except APIError as error:
            if error.status_code != 409:  # 409: it is not running (any more), or in that state already
                raise StackError(f"{self.name}: {act}: {error.explanation or error}") from error

    def _await(self, reached: Callable[[str], bool], trouble: str, patience: float = PATIENCE) -> None:
        deadline = time.monotonic() + patience
        while not reached(self._look()["Status"]):
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} {trouble}; its container is {self._look()['Status']}")
            time.sleep(POLL)


def _seconds(moment: str) -> float:
    """Seconds since the epoch of `2026-01-31T12:00:00.123456789Z`."""
    whole, _, fraction = moment.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
