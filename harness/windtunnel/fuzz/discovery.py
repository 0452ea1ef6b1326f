"""Finds out which edges each operation uses: a valid request of each on a healthy system, then the edge record."""

from __future__ import annotations

from collections.abc import Iterator

from windtunnel.fuzz.edge_table import EdgeTable, Uses
from windtunnel.fuzz.fuzzer import Fuzzer
from windtunnel.fuzz.operations import Operation
from windtunnel.fuzz.plan import Plan
from windtunnel.tunnel import Tunnel


def discover(tunnel: Tunnel, plan: Plan, operations: tuple[Operation, ...]) -> Iterator[tuple[Operation, Uses]]:
    """Operations that are left out are not asked.

    Raises `NoControlError` when one does not work, `VisitorError`, and `StackError` when the system cannot be stood up.
    """
    unknown = EdgeTable(path=plan.edges, uses={})
    fuzzer = Fuzzer(tunnel.stack, tunnel.run.journal, plan=plan, profile=plan.profile("ci"), table=unknown)
    for operation in operations:
        if operation.name not in plan.leave_out:
            yield operation, fuzzer.discover(operation)
