"""Breaking things by hand in a Python test, with the proofs of an experiment.

    with chaos.partition("orders->payments") as disturbance:
        place_an_order()
    assert disturbance.touched

Entering plans, journals, applies and proves; leaving takes back and proves that too, whatever happened inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from windtunnel.chaos_http import HttpChaos
from windtunnel.errors import WindtunnelError
from windtunnel.faults import EachInstance, EdgeFault, build
from windtunnel.spec.model import FaultStep
from windtunnel.stack.base import Stack
from windtunnel.toxiproxy import Stream
from windtunnel.undo import Journal

PATIENCE = 2.0
"""Seconds that the block's last requests have to be seen on the edge."""


@dataclass(kw_only=True)
class Disturbance:
    """One fault that is, or was, in place. The texts say what was seen."""

    step: FaultStep
    proof: str = ""
    load_proof: str = ""
    """With `require_traffic` alone, once the block is left."""
    restored: str = ""
    """Once the block is left."""
    touched: int = 0
    """Once the block is left: connections, not of our canaries, on which the toxic acted; requests, where it is a
    toxic on HTTP requests. A refused one is not counted
    anywhere, so `down` leaves 0, as do faults on services."""


class Chaos(HttpChaos[Disturbance]):
    """Every method is a `with` block that yields a `Disturbance`.

    Raises `CapabilityError` when the stack cannot do it, `InjectionUnprovenError` and `RestorationUnprovenError` when a
    proof is missing, `SpecError` and `TopologyError` when there is no such edge or service. With
    `require_traffic` the edge must have carried traffic before the block, and the block's own must meet the fault.
    """

    def __init__(self, stack: Stack, journal: Journal) -> None:
        self._stack, self._journal = stack, journal

    def latency(
        self,
        edge: str,
        *,
        latency_ms: int,
        jitter_ms: int = 0,
        stream: Stream | None = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[Disturbance]:
        """Everything comes that much later, give or take the jitter."""
        params = {"latency": latency_ms, "jitter": jitter_ms}
        return self._toxic("latency", edge, params, stream=stream, toxicity=toxicity, require_traffic=require_traffic)

    def timeout(
        self,
        edge: str,
        *,
        timeout_ms: int = 0,
        stream: Stream | None = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[Disturbance]:
        """A black hole; the connection is closed after `timeout_ms`, 0 for never."""
        return self._toxic(
            "timeout", edge, {"timeout": timeout_ms}, stream=stream, toxicity=toxicity, require_traffic=require_traffic
        )

    def reset(
        self,
        edge: str,
        *,
        timeout_ms: int = 0,
        stream: Stream | None = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[Disturbance]:
        """RST `timeout_ms` after the answer (or, upstream, the request) came."""
        return self._toxic(
            "reset", edge, {"timeout": timeout_ms}, stream=stream, toxicity=toxicity, require_traffic=require_traffic
        )

    def bandwidth(
        self,
        edge: str,
        *,
        kilobytes_per_second: int,
        stream: Stream | None = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[Disturbance]:
        """So much passes on each connection, and no more; 1 KB is 1000 bytes."""
        return self._toxic(
            "bandwidth",
            edge,
            {"rate": kilobytes_per_second},
            stream=stream,
            toxicity=toxicity,
            require_traffic=require_traffic,
        )

    def limit_data(
        self,
        edge: str,
        *,
        limit_bytes: int,
        stream: Stream | None = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[Disturbance]:
        """Each connection is closed after so many bytes."""
        return self._toxic(
            "limit_data",
            edge,
            {"bytes": limit_bytes},
            stream=stream,
            toxicity=toxicity,
            require_traffic=require_traffic,
        )

    def slicer(
        self,
        edge: str,
        *,
        average_size_bytes: int,
        delay_us: int,
        size_variation_bytes: int = 0,
        stream: Stream | None = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[Disturbance]:
        """Everything comes in pieces of about that size, with a pause after each."""
        params = {"average_size": average_size_bytes, "size_variation": size_variation_bytes, "delay": delay_us}
        return self._toxic("slicer", edge, params, stream=stream, toxicity=toxicity, require_traffic=require_traffic)

    def packet_loss(
        self,
        edge: str,
        *,
        loss_share: float,
        correlation_share: float = 0.0,
        stream: Stream | None = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[Disturbance]:
        """That share of the chunks never arrives; right after a loss, `correlation_share` more."""
        params = {"loss_rate": loss_share, "correlation": correlation_share}
        return self._toxic(
            "packet_loss", edge, params, stream=stream, toxicity=toxicity, require_traffic=require_traffic
        )

    def slow_close(
        self,
        edge: str,
        *,
        delay_ms: int,
        stream: Stream | None = None,
        toxicity: float = 1.0,
        require_traffic: bool = False,
    ) -> AbstractContextManager[Disturbance]:
        """The end of a connection comes that much later."""
        return self._toxic(
            "slow_close", edge, {"delay": delay_ms}, stream=stream, toxicity=toxicity, require_traffic=require_traffic
        )

    def down(self, edge: str, *, require_traffic: bool = False) -> AbstractContextManager[Disturbance]:
        """Connections are refused."""
        return self._disturb(FaultStep(name=f"down {edge}", fault="down", edges=(edge,)), require_traffic)

    def partition(self, *edges: str, require_traffic: bool = False) -> AbstractContextManager[Disturbance]:
        """Nothing passes in either direction, on any of these edges."""
        step = FaultStep(name=f"partition {', '.join(edges)}", fault="partition", edges=edges)
        return self._disturb(step, require_traffic)

    def kill(self, service: str) -> AbstractContextManager[Disturbance]:
        """It is gone for the length of the block, and started again at its end."""
        return self._on_service("kill", service)

    def pause(self, service: str) -> AbstractContextManager[Disturbance]:
        """It is frozen for the length of the block."""
        return self._on_service("pause", service)

    def restart(self, service: str) -> AbstractContextManager[Disturbance]:
        """It was killed and is ready again when the block begins."""
        return self._on_service("restart", service)

    def starve(self, service: str, *, cpu_share: float) -> AbstractContextManager[Disturbance]:
        """It has that share of one processor, such as 0.1, for the length of the block."""
        step = FaultStep(name=f"starve {service}", fault="starve", service=service, params={"cpu": cpu_share})
        return self._disturb(step, False)

    def memory_limit(self, service: str, *, headroom_bytes: int) -> AbstractContextManager[Disturbance]:
        """It gets so much more memory than it has, and no more. It must be refused some within 10 s."""
        params = {"headroom": headroom_bytes}
        step = FaultStep(name=f"memory_limit {service}", fault="memory_limit", service=service, params=params)
        return self._disturb(step, False)

    def terminate(self, service: str) -> AbstractContextManager[Disturbance]:
        """It has ended gracefully (SIGTERM), and is started again at the block's end."""
        return self._on_service("terminate", service)

    def disk_full(self, service: str) -> AbstractContextManager[Disturbance]:
        """It can write no data for the length of the block. On containers, needs `docker: {disk: SIZE}`."""
        return self._on_service("disk_full", service)

    def disconnect(self, service: str) -> AbstractContextManager[Disturbance]:
        """It runs, and is on no network for the length of the block. Containers only."""
        return self._on_service("disconnect", service)

    def _toxic(
        self,
        fault: str,
        edge: str,
        params: Mapping[str, int | float],
        *,
        stream: Stream | None,
        toxicity: float,
        require_traffic: bool,
    ) -> AbstractContextManager[Disturbance]:
        name = f"{fault} {edge}"
        step = FaultStep(name=name, fault=fault, edges=(edge,), params=params, stream=stream, toxicity=toxicity)
        return self._disturb(step, require_traffic)

    def _on_service(self, fault: str, service: str) -> AbstractContextManager[Disturbance]:
        return self._disturb(FaultStep(name=f"{fault} {service}", fault=fault, service=service), False)

    @contextmanager
    def _disturb(self, step: FaultStep, require_traffic: bool) -> Iterator[Disturbance]:
        fault, disturbance = build(step), Disturbance(step=step)
        fault.traffic = "ever" if require_traffic else "none"
        planned = [self._journal.plan(record) for record in fault.plan(self._stack)]
        try:
            fault.apply(self._stack)
            disturbance.proof = fault.prove(self._stack)
            yield disturbance
            if isinstance(fault, EdgeFault) and require_traffic:
                disturbance.load_proof = fault.prove_on_load(self._stack, PATIENCE)
        except BaseException as error:
            self._restore(fault, disturbance, planned, failed=error)
            raise
        self._restore(fault, disturbance, planned)

    def _restore(
        self,
        fault: EdgeFault | EachInstance,
        disturbance: Disturbance,
        planned: list[str],
        *,
        failed: BaseException | None = None,
    ) -> None:
        """Take it back. After a failure that comes first, trouble here is added to it and does not replace it."""
        try:
            fault.undo(self._stack)
            for number in planned:
                self._journal.done(number)
            # The record outlives the toxic, and nothing more can be touched now.
            disturbance.touched = fault.touched() if isinstance(fault, EdgeFault) else 0
            disturbance.restored = fault.prove_restored(self._stack)
        except WindtunnelError as error:
            if failed is None:
                raise
            failed.add_note(f"{type(error).__name__}: {error}")
