"""Our two backends, as a run has them: with a run's folder, its undo journal and its reaper."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.stack.sample import BenchError, Sample, left_in_engine

from windtunnel.errors import WindtunnelError
from windtunnel.stack.base import Backend, Stack
from windtunnel.topology import Topology
from windtunnel.toxiproxy import ToxiproxyClient
from windtunnel.undo import RUN_VARIABLE, Run
from windtunnel.undo.engine import RUN_LABEL
from windtunnel.undo.processes import carriers


@dataclass(frozen=True)
class Ours:
    """One backend."""

    name: str
    backend: Backend
    in_engine: bool

    def once(self, topology: Topology) -> Sample:
        """Stand it up, take it down. Raises `BenchError`."""
        began = time.perf_counter()
        with Run.begin() as run:
            try:
                stack = self.backend.start(topology, run=run)
            except WindtunnelError as error:
                raise BenchError(f"{self.name}: {topology.name} does not start: {error}") from error
            ready = time.perf_counter()
            try:
                self._check(topology, stack)
            finally:
                asked = time.perf_counter()
                stack.stop()
        gone = time.perf_counter()
        if left := self._left(run.run_id):
            raise BenchError(f"{self.name}: of {topology.name} there is still {', '.join(left)}")
        return Sample(start=ready - began, stop=gone - asked)

    def _check(self, topology: Topology, stack: Stack) -> None:
        wanted = sum(topology.has_edge(link, stack.backend) for link in topology.links.values())
        with ToxiproxyClient(f"http://{stack.proxy_api}") as client:
            made = len(client.proxies())
        if made != wanted:
            raise BenchError(f"{self.name}: {made} proxies for {wanted} edges of {topology.name}")

    def _left(self, run_id: str) -> list[str]:
        processes = [f"process {process.pid}" for process in carriers(RUN_VARIABLE, run_id)]
        return processes + (left_in_engine(f"{RUN_LABEL}={run_id}") if self.in_engine else [])
