"""What a run was asked to do: the `--wt-*` options, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from windtunnel.stack.backends import ProxyName
from windtunnel.topology.model import BackendName


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of one run. The same values in every worker."""

    topology: Path
    out: Path
    backend: BackendName = "process"
    backend_reason: str = ""
    """Why `auto` chose it."""
    proxy: ProxyName = "embedded"
    proxy_reason: str = ""
    profile: str = "ci"
    seed: int = 0
    worker: str = "main"
    """`gw0` and so on under pytest-xdist."""

    def seed_for(self, experiment: str, own: int, repeat: int) -> int:
        """Each experiment's own seed: the same in every run with the same `--wt-seed`, whichever worker runs it."""
        return crc32(f"{self.seed}/{own}/{experiment}/{repeat}".encode())

    @property
    def headline(self) -> str:
        """The line that says how this run was set up."""
        backend = _because(self.backend, self.backend_reason)
        proxy = "its own" if self.backend == "external" else _because(self.proxy, self.proxy_reason)
        return (
            f"windtunnel: backend {backend}, proxy {proxy}, profile {self.profile}, "
            f"seed {self.seed}, evidence in {self.out}"
        )


def _because(choice: str, reason: str) -> str:
    return f"{choice} ({reason})" if reason else choice
