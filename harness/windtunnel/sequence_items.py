"""Chains and walks as pytest sees them: each is one item of the plan, beside the cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.fuzz.cells import CellResult
from windtunnel.fuzz.chains import Chain
from windtunnel.fuzz.suite import Suite
from windtunnel.fuzz.walk_steps import Walk
from windtunnel.fuzz_items import FuzzItem

if TYPE_CHECKING:
    from windtunnel.fuzz.fuzzer import Fuzzer


class ChainItem(FuzzItem):
    """A request, and what the links of its answers lead to."""

    kind = "chain"

    def __init__(self, *, chain: Chain, **kwargs: Any) -> None:
        super().__init__(place=chain.first.name, operations=chain.operations, **kwargs)
        self.chain = chain
        self.extra_keyword_matches.add("chain")

    def run(self, fuzzer: Fuzzer) -> CellResult:
        from windtunnel.fuzz.chains import run_chain

        return run_chain(fuzzer, self.chain)


class WalkItem(FuzzItem):
    """Calls over the whole system, while faults come and go."""

    kind = "walk"
    fault = "several"

    def __init__(self, *, walk: Walk, suite: Suite, **kwargs: Any) -> None:
        used = dict.fromkeys(step.operation for step in walk.calls)
        super().__init__(place="", operations=tuple(map(suite.operation, used)), suite=suite, **kwargs)
        self.walk = walk
        self.extra_keyword_matches.update(step.edge for step in walk.steps if step.edge)

    def run(self, fuzzer: Fuzzer) -> CellResult:
        from windtunnel.fuzz.walk import run_walk
        from windtunnel.fuzz.walk_shrink import shrink

        ground = self.suite.ground
        result = run_walk(fuzzer, ground, self.walk)
        if result.outcome != "FAIL":
            return result
        return shrink(self.walk, result, lambda shorter: run_walk(fuzzer, ground, shorter))


def sequences(parent: pytest.Collector, suite: Suite, profile: str, number: int) -> Iterator[FuzzItem]:
    """All of a plan, numbered from there."""
    for at, chain in enumerate(suite.chains, number):
        yield ChainItem.from_parent(parent, name=chain.id, suite=suite, number=at, chain=chain)
    for at, walk in enumerate(suite.walks(profile), number + len(suite.chains)):
        yield WalkItem.from_parent(parent, name=walk.id, suite=suite, number=at, walk=walk)
