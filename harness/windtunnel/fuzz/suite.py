"""Everything that is to be fuzzed of one system: read at once, so that each mistake is told before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from windtunnel.document import unknown
from windtunnel.errors import SpecError
from windtunnel.fuzz.cells import Cell, cells_of
from windtunnel.fuzz.chains import Chain, chains_of
from windtunnel.fuzz.edge_table import EdgeTable, read_table
from windtunnel.fuzz.faults import FAULTS
from windtunnel.fuzz.found import Found, read_found
from windtunnel.fuzz.generate import seed_of
from windtunnel.fuzz.links import Links, links_of
from windtunnel.fuzz.operations import Operation, operations_of
from windtunnel.fuzz.plan import Plan, read_plan
from windtunnel.fuzz.walk_steps import Ground, Walk, draw_walks
from windtunnel.invariants import check_invariants
from windtunnel.topology.model import Topology


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The cells of one system, and the cases that were found once."""

    topology: Topology
    plan: Plan
    operations: tuple[Operation, ...]
    """All that are documented, those that are left out as well."""
    table: EdgeTable
    cells: tuple[Cell, ...]
    found: tuple[Found, ...]
    links: Links
    chains: tuple[Chain, ...]
    seed: int = 0

    @property
    def ground(self) -> Ground:
        """What walks may call; nothing where the plan has no walks."""
        names = self.plan.walk.calls if self.plan.walk else ()
        return Ground(operations=tuple(map(self.operation, names)), table=self.table, links=self.links)

    def walks(self, profile: str) -> tuple[Walk, ...]:
        """Drawn by the seed. Raises `SpecError` for an unknown profile."""
        wanted = self.plan.profile(profile)
        return draw_walks(self.ground, wanted.walks, wanted.walk_steps, seed_of(self.seed, "walks"))

    def by_hand(self, edge: str, fault: str) -> str:
        """How a test written by hand breaks that edge so."""
        return FAULTS[fault].by_hand(self.topology.edge(edge), self.plan)

    def operation(self, name: str) -> Operation:
        """`orders: POST /orders`. Raises KeyError."""
        return {operation.name: operation for operation in self.operations}[name]

    @property
    def left_out(self) -> Mapping[str, str]:
        """Operations that are not fuzzed, with the reason."""
        return self.plan.leave_out


def read_suite(topology: Topology, seed: int = 0) -> Suite:
    """Raises `SpecError` with file and line, `NeedsSchemathesisError`."""
    plan, operations = read_operations(topology, seed)
    table, links = read_table(plan.edges, topology, operations), links_of(operations)
    return Suite(
        topology=topology,
        plan=plan,
        operations=operations,
        table=table,
        cells=tuple(cells_of(operations, table, plan)),
        found=read_found(plan.found, topology, operations) if plan.found else (),
        links=links,
        chains=chains_of(links, operations, plan),
        seed=seed,
    )


def read_operations(topology: Topology, seed: int = 0) -> tuple[Plan, tuple[Operation, ...]]:
    """What is known before the edges are: the plan, and all operations. Raises as `read_suite`."""
    plan = read_plan(plan_of(topology))
    operations = operations_of(topology, seed)
    known = [operation.name for operation in operations]
    for name in plan.leave_out:
        if name not in known:
            raise SpecError(f"leave_out: {unknown('operation', name, known)}", path=plan.path)
    if plan.walk:
        for name in plan.walk.calls:
            if name not in known:
                raise SpecError(f"walk: {unknown('operation', name, known)}", path=plan.path)
        module = check_invariants(plan.walk.invariants, topology)
        for name in plan.walk.invariants:
            if not callable(getattr(module, name, None)):
                raise SpecError(f"walk: there is no invariant {name} in {topology.invariants}", path=plan.path)
    return plan, operations


def plan_of(topology: Topology) -> Path:
    """The file that the topology names. Raises `SpecError` when it names none."""
    if topology.fuzz is None:
        raise SpecError("says nothing about fuzzing; write fuzz: FILE, beside services:", path=topology.path)
    return topology.fuzz
