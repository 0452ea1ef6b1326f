"""Everything that can be done to an edge or a service: one file each, one line each in the table.

    spec step ─> build() ─> plan ─> apply ─> prove ─> prove_on_load ─> undo ─> prove_restored

Adding one: its file, its line here, its test, its paragraph in FAULTS.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from windtunnel.errors import SpecError
from windtunnel.faults.bandwidth import Bandwidth
from windtunnel.faults.base import Bites, Fault, UndoRecord
from windtunnel.faults.disconnect import Disconnect
from windtunnel.faults.disk_full import DiskFull
from windtunnel.faults.down import Down
from windtunnel.faults.edge import EdgeFault
from windtunnel.faults.http_corrupt_body import HttpCorruptBody
from windtunnel.faults.http_delay import HttpDelay
from windtunnel.faults.http_header import HttpHeader
from windtunnel.faults.http_lose_answer import HttpLoseAnswer
from windtunnel.faults.http_status import HttpStatus
from windtunnel.faults.http_truncate import HttpTruncate
from windtunnel.faults.instances import EachInstance
from windtunnel.faults.kill import Kill
from windtunnel.faults.latency import Latency
from windtunnel.faults.limit_data import LimitData
from windtunnel.faults.memory_limit import MemoryLimit
from windtunnel.faults.packet_loss import PacketLoss
from windtunnel.faults.partition import Partition
from windtunnel.faults.pause import Pause
from windtunnel.faults.reset import Reset
from windtunnel.faults.restart import Restart
from windtunnel.faults.service import ServiceFault
from windtunnel.faults.slicer import Slicer
from windtunnel.faults.slow_close import SlowClose
from windtunnel.faults.starve import Starve
from windtunnel.faults.terminate import Terminate
from windtunnel.faults.timeout import Timeout
from windtunnel.spec.model import FaultStep
from windtunnel.spec.shape import FaultShape

FAULTS: Mapping[str, type[EdgeFault] | type[ServiceFault]] = {
    "bandwidth": Bandwidth,
    "disconnect": Disconnect,
    "disk_full": DiskFull,
    "down": Down,
    "http_corrupt_body": HttpCorruptBody,
    "http_delay": HttpDelay,
    "http_header": HttpHeader,
    "http_lose_answer": HttpLoseAnswer,
    "http_status": HttpStatus,
    "http_truncate": HttpTruncate,
    "kill": Kill,
    "latency": Latency,
    "limit_data": LimitData,
    "memory_limit": MemoryLimit,
    "packet_loss": PacketLoss,
    "partition": Partition,
    "pause": Pause,
    "reset": Reset,
    "restart": Restart,
    "slicer": Slicer,
    "slow_close": SlowClose,
    "starve": Starve,
    "terminate": Terminate,
    "timeout": Timeout,
}
"""By the name that a step of an experiment writes."""

SHAPES: Mapping[str, FaultShape] = {name: fault.shape for name, fault in FAULTS.items()}
"""What the spec reader knows of them."""

__all__ = [
    "FAULTS",
    "SHAPES",
    "Bites",
    "EachInstance",
    "EdgeFault",
    "Fault",
    "FaultShape",
    "ServiceFault",
    "UndoRecord",
    "build",
]


def build(step: FaultStep) -> EdgeFault | EachInstance:
    """The fault that a step asks for, on every instance of what it names.

    Raises `SpecError` when there is none, or when it lacks what it needs.
    """
    if step.fault not in FAULTS:
        raise SpecError(f"unknown fault {step.fault!r}; known: {_listed(FAULTS)}")
    kind = FAULTS[step.fault]
    _check(step, kind.shape)
    return EachInstance(step, kind) if issubclass(kind, ServiceFault) else kind(step)


def _check(step: FaultStep, shape: FaultShape) -> None:
    """The reader has said all this with file and line; steps are also made by hand."""
    if shape.on == "service" and (not step.service or step.edges):
        raise SpecError(f"{step.fault} is put on one service")
    if shape.on == "edge" and (not step.edges or step.service):
        raise SpecError(f"{step.fault} is put on an edge, such as a->b")
    if len(step.edges) > 1 and not shape.several:
        raise SpecError(f"{step.fault} is put on one edge, not on {_listed(step.edges)}")
    for name in step.params:
        if name not in shape.params:
            raise SpecError(f"{step.fault}: unknown attribute {name!r}; known: {_listed(shape.params) or 'none'}")
    if step.match is not None and not shape.match:
        raise SpecError(f"{step.fault} is not put on HTTP requests: it takes no match")
    for name in shape.required - set(step.params):
        raise SpecError(f"{step.fault}: attribute {name!r} is missing")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
